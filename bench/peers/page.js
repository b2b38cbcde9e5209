// The bare Cornerstone3D page: OHIF's engine and nothing around it, set up as strong as it goes without a GPU.
//
// /?run=NAME&fps=15&width=1000&height=700 plays /runs/NAME/: run.json (size, frames, window) and one codestream a request,
// /runs/NAME/frames/1 … (HTJ2K lossless). CPU rendering (on a software GL it is the slower one), as many decode workers as
// cores, the whole stack prefetched by the engine's own prefetcher, play at the first frame.
//
// `window.fastcine.player` is what the probe (tests/e2e/probe.js) reads, so that one probe reads both pages.

import * as core from "@cornerstonejs/core";
import * as tools from "@cornerstonejs/tools";
import { init as initLoader } from "@cornerstonejs/dicom-image-loader";

const query = new URLSearchParams(location.search);
const base = `/runs/${query.get("run")}/`;
const described = fetch(`${base}run.json`).then((answer) => answer.json());

/** @type {Record<string, (run: any) => object>} The least that loader and viewport ask for, without a search per frame. */
const MODULES = {
  imagePixelModule: (run) => ({
    samplesPerPixel: 1, photometricInterpretation: run.photometric_interpretation, rows: run.rows, columns: run.columns,
    bitsAllocated: run.bits > 8 ? 16 : 8, bitsStored: run.bits, highBit: run.bits - 1, pixelRepresentation: 0, planarConfiguration: 0,
  }),
  imagePlaneModule: (run) => ({
    rows: run.rows, columns: run.columns, imageOrientationPatient: [1, 0, 0, 0, 1, 0], rowCosines: [1, 0, 0], columnCosines: [0, 1, 0],
    imagePositionPatient: [0, 0, 0], pixelSpacing: [1, 1], rowPixelSpacing: 1, columnPixelSpacing: 1, frameOfReferenceUID: "1.2",
  }),
  voiLutModule: (run) => ({ windowCenter: [run.window.center], windowWidth: [run.window.width], voiLUTFunction: "LINEAR" }),
  modalityLutModule: () => ({ rescaleSlope: 1, rescaleIntercept: 0 }),
  generalSeriesModule: () => ({ modality: "XA", seriesInstanceUID: "1.2.3" }),
  sopCommonModule: (run) => ({ sopClassUID: "1.2.840.10008.5.1.4.1.1.12.1", sopInstanceUID: run.sop_instance_uid }),
  transferSyntax: () => ({ transferSyntaxUID: "1.2.840.10008.1.2.4.202" }),
};

class PeerPlayer extends EventTarget {
  loaded = new Set();
  all_loaded_ms = null;
  first_frame_ms = null;

  constructor(viewport, imageIds) {
    super();
    this.viewport = viewport;
    this.imageIds = imageIds;
  }
  imageToCanvas(x, y) {
    const [left, top] = this.viewport.worldToCanvas([x - 0.5, y - 0.5, 0]);
    return { x: left, y: top };
  }
  stats() {
    return { first_frame_ms: this.first_frame_ms, all_loaded_ms: this.all_loaded_ms, frames_loaded: this.loaded.size, frames_total: this.imageIds.length };
  }
}

async function start() {
  const stage = document.getElementById("stage");
  stage.style.width = `${query.get("width")}px`;
  stage.style.height = `${query.get("height")}px`;
  core.setUseCPURendering(true);
  await core.init({ rendering: { useCPURendering: true } });
  core.setUseCPURendering(true);
  initLoader({ maxWebWorkers: navigator.hardwareConcurrency, wasmBasePath: "/app/" });
  await tools.init();
  for (const [type, requests] of [["Interaction", 100], ["Thumbnail", 75], ["Prefetch", 25]]) {
    core.imageLoadPoolManager.setMaxSimultaneousRequests(core.Enums.RequestType[type], requests); // as OHIF sets them
  }
  const run = await described;
  const modules = Object.fromEntries(Object.entries(MODULES).map(([type, make]) => [type, make(run)]));
  core.metaData.addProvider((type) => modules[type], 10_000);

  const engine = new core.RenderingEngine("bench");
  engine.enableElement({ viewportId: "view", element: stage, type: core.Enums.ViewportType.STACK });
  const viewport = engine.getViewport("view");
  const imageIds = Array.from({ length: run.frames }, (_, n) => `wadors:${location.origin}${base}frames/${n + 1}`);
  const player = new PeerPlayer(viewport, imageIds);
  core.eventTarget.addEventListener(core.Enums.Events.IMAGE_LOADED, (event) => {
    player.loaded.add(event.detail.image.imageId);
    if (player.loaded.size === run.frames) player.all_loaded_ms ??= performance.now();
  });
  stage.addEventListener(core.Enums.Events.IMAGE_RENDERED, () => {
    if (viewport.viewportStatus !== core.Enums.ViewportStatus.RENDERED) return;
    const first = player.first_frame_ms === null;
    player.first_frame_ms ??= performance.now();
    player.dispatchEvent(new CustomEvent("frame", { detail: { frame: viewport.getCurrentImageIdIndex(), badge: "" } }));
    if (first) {
      tools.utilities.cine.playClip(stage, { framesPerSecond: Number(query.get("fps")) });
      tools.utilities.stackContextPrefetch.enable(stage);
    }
  });
  window.fastcine = { player, renderer: viewport.useCPURendering ? "cpu" : "gl" };
  await viewport.setStack(imageIds, 0);
  viewport.render();
}

start().catch((error) => console.error(error));

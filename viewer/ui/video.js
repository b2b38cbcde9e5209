// @ts-check
/** A video that nothing on the server can decode, played by the browser as it was received. Loaded only where there is one. */
import { make } from "./dom.js";

/** @typedef {"waits" | "plays" | "failed"} VideoState */

/**
 * Puts the browser's own player over the canvas, until `signal` takes it away or it cannot play.
 * @param {string} url
 * @param {{canvas: HTMLElement, label: string, play: boolean, signal: AbortSignal, tell: (state: VideoState) => void}} options
 */
export function putVideo(url, { canvas, label, play, signal, tell }) {
  const video = make("video");
  Object.assign(video, { controls: true, loop: true, muted: true, playsInline: true, autoplay: play });
  // A patient's picture goes to no other screen or window by a slip of the hand.
  Object.assign(video, { disableRemotePlayback: true, disablePictureInPicture: true });
  video.setAttribute("aria-label", label);
  const take = () => {
    video.remove();
    video.removeAttribute("src"); // out of the page it would go on loading
    video.load();
  };
  const fail = () => {
    if (signal.aborted) return;
    take();
    tell("failed");
  };
  signal.addEventListener("abort", take);
  video.addEventListener("error", fail);
  // A codec that the browser lacks is no error to it where there is sound: it would play that alone.
  video.addEventListener("loadedmetadata", () => (video.videoWidth > 0 ? tell("plays") : fail()));
  // It has a full screen of its own.
  video.addEventListener("dblclick", (event) => event.stopPropagation());
  video.src = url;
  canvas.after(video);
}

// Whether this machine has a WebGL2 worth drawing with.

/** Names that a software renderer gives itself: slower than the 2-D canvas (48 pictures a second instead of 60 at 1024x1024). */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Where the answer of the last visit is kept: to ask takes 10 to 20 ms, just when the first picture is due. */
const KEPT = "fastcine-fast-gl";
/** So long after a page has begun it is asked again, for the next visit: another graphics card, another driver. */
const ASK_AGAIN_MS = 10_000;

/** @type {boolean | undefined} */
let usable;

/** Whether this machine has a WebGL2 that is not done in software. */
export function hasFastGl() {
  if (usable !== undefined) return usable;
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {} // not allowed here
  if (kept !== null) setTimeout(askForFastGl, ASK_AGAIN_MS);
  return (usable = kept === null ? askForFastGl() : kept === "yes");
}

/** Asked on a canvas of its own; kept for the next visit. */
function askForFastGl() {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  let fast = false;
  if (gl) {
    const names = gl.getExtension("WEBGL_debug_renderer_info");
    const name = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    fast = !SOFTWARE.test(name);
    gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
  try {
    localStorage.setItem(KEPT, fast ? "yes" : "no");
  } catch {} // not allowed here
  return fast;
}

// Plain ES5, loaded beside the modules: says so when the browser is older than Chrome 109, Firefox 115 or Safari 16.4,
// where the modules would fail without a word. Asked for by feature, since version strings lie.
(function () {
  "use strict";
  // The shortest module with a SIMD instruction (i8x16.splat, v128.any_true): Safari has it from 16.4.
  var simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 83, 11];
  var good = false;
  try {
    good =
      "noModule" in HTMLScriptElement.prototype &&
      typeof CompressionStream === "function" && // Firefox 113, Safari 16.4
      typeof structuredClone === "function" &&
      "findLast" in Array.prototype &&
      typeof OffscreenCanvas === "function" &&
      CSS.supports("height", "100dvh") && // Chrome 108
      WebAssembly.validate(new Uint8Array(simd));
  } catch (error) {
    good = false;
  }
  var notice = document.getElementById("unsupported");
  if (!good && notice) {
    notice.hidden = false;
    notice.setAttribute("role", "alert");
  }
})();

// Installed before the page's own scripts: when the first message of the exact tier reached the page, ms from navigation.
(() => {
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...words) {
      super(...words);
      const look = ({ data }) => {
        if (!(data instanceof ArrayBuffer) || new Uint8Array(data, 1, 1)[0] !== 2) return;
        window.firstExactMs ??= performance.now();
        this.removeEventListener("message", look);
      };
      this.addEventListener("message", look);
    }
  };
})();

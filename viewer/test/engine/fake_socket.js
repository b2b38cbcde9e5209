// A WebSocket and a clock that do what a test tells them.

export class FakeSocket {
  readyState = 0;
  binaryType = "blob";
  /** @type {any[]} what was sent, parsed */
  sent = [];
  /** @type {{code?: number, reason?: string} | null} */
  closed = null;
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;

  /** @param {string} text */
  send(text) {
    if (this.readyState !== 1) throw new Error("sent on a socket that is not open");
    this.sent.push(JSON.parse(text));
  }

  /**
   * @param {number} [code]
   * @param {string} [reason]
   */
  close(code, reason) {
    this.closed = { code, reason };
    this.readyState = 2;
  }

  open() {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** @param {ArrayBuffer | object} data an object goes as JSON */
  receive(data) {
    this.onmessage?.({ data: data instanceof ArrayBuffer ? data : JSON.stringify(data) });
  }

  /** @param {number} code */
  lose(code) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

/** What connection.js needs of a browser. */
export class World {
  now_ms = 0;
  /** @type {FakeSocket[]} */
  sockets = [];
  /** @type {{at_ms: number, call: () => void}[]} */
  timers = [];

  get socket() {
    return /** @type {FakeSocket} */ (this.sockets.at(-1));
  }

  makeSocket = () => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return /** @type {any} */ (socket);
  };
  now = () => this.now_ms;
  random = () => 0.5;

  /**
   * @param {() => void} call
   * @param {number} ms
   */
  setTimer = (call, ms) => {
    const timer = { at_ms: this.now_ms + ms, call };
    this.timers.push(timer);
    return timer;
  };

  /** @param {any} timer */
  clearTimer = (timer) => {
    this.timers = this.timers.filter((other) => other !== timer);
  };

  /** @param {number} ms */
  pass(ms) {
    const end_ms = this.now_ms + ms;
    for (;;) {
      const next = this.timers.filter(({ at_ms }) => at_ms <= end_ms).sort((a, b) => a.at_ms - b.at_ms)[0];
      if (!next) break;
      this.now_ms = next.at_ms;
      this.clearTimer(next);
      next.call();
    }
    this.now_ms = end_ms;
  }
}

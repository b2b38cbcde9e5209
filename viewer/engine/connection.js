// One WebSocket of `fastcine.v1`, for all players of a page: hello, credit, ping; reconnecting and resuming by itself.

import { PROTOCOL_VERSION, SUBPROTOCOL, WireError, parseControl, parsePieces } from "./wire.js";

const CREDIT_BYTES = 4 * 2 ** 20;
/** So many times that may have been received and wait to be decoded: it is kept anyway, and what is far ahead can be checked first. */
const BACKLOG_CREDITS = 8;
/** Receipts are reported at once, but not more often than this: the server measures the link's rate with them. */
const REPORT_BYTES = 1_048_576;
const REPORT_MS = 4;
/** Proxies cut sockets that are idle for 60 s. */
const PING_MS = 20_000;
const PONG_MS = 10_000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 8_000;
/** Close codes after which trying again cannot help (docs/protocol.md §4), and what to tell people. */
const FINAL = new Map([
  [4403, ["denied", "The server refused the connection. Reload the page to sign in again, or open it by its proper address."]],
  [4406, ["version", "This page is older or newer than the server. Reload it."]],
]);
const BROKEN = 4400;
/** As often in a row: then the two of us do not understand each other. */
const BROKEN_MAX = 3;

/**
 * @typedef {object} Subscriber one run's receiver
 * @property {(message: import("./wire.js").ServerMessage) => void} onMessage
 * @property {(piece: import("./wire.js").Piece) => void} onPiece may throw WireError
 * @property {() => {have: number[][], partial: number[][]}} resume
 * @property {() => number} backlog bytes received and not yet worked up: they count against the credit
 *
 * @typedef {"connecting"|"open"|"waiting"|"closed"} LinkState
 *
 * @typedef {object} Early what the page's bootstrap script started (README.md)
 * @property {WebSocket} [socket]
 * @property {(string | ArrayBuffer)[]} inbox
 * @property {string} [run]
 * @property {number} [granted_bytes]
 * @property {number | null} [first_frame_ms] when the page itself put its first picture on the screen
 * @property {number} [preview_frame] the frame that the page shows by itself now; -1: none yet
 * @property {number} [previews_count] so many frames it can show, those that are still to come among them
 * @property {boolean} [taken] we draw: the page stops
 * @property {number} [round_trip_ms]
 * @property {Worker} [worker] a decode worker
 * @property {Promise<WebAssembly.Module>} [module] the HTJ2K decoder being compiled
 *
 * @typedef {object} Surroundings replaced by tests
 * @property {(url: string) => WebSocket} makeSocket
 * @property {() => number} now
 * @property {(call: () => void, ms: number) => unknown} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {() => number} random
 */

/** @type {Surroundings} */
const BROWSER = {
  makeSocket: (url) => new WebSocket(url, SUBPROTOCOL),
  now: () => performance.now(),
  setTimer: (call, ms) => setTimeout(call, ms),
  clearTimer: (timer) => clearTimeout(timer),
  random: Math.random,
};

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, Subscriber>} */
  #subscribers = new Map();
  /** @type {Map<string, import("./wire.js").ClientMessage>} newest `want` of each run */
  #wishes = new Map();
  /** @type {Early | null} */
  #early = null;
  #granted_bytes = 0;
  #received_bytes = 0;
  #reported_bytes = 0;
  #reported_grant = 0;
  #reported_ms = 0;
  /** @type {unknown} */
  #report_timer = null;
  /** @type {unknown} */
  #ping_timer = null;
  #failures = 0;
  #broken = 0;
  #retry_ms = 0;

  /**
   * @param {string} url
   * @param {{credit_bytes?: number, early?: Early, surroundings?: Surroundings}} [options]
   */
  constructor(url, { credit_bytes = CREDIT_BYTES, early, surroundings = BROWSER } = {}) {
    this.url = url;
    this.credit_bytes = credit_bytes;
    this.around = surroundings;
    /** @type {LinkState} */
    this.state = "connecting";
    /** The server has as many viewers as it takes. */
    this.full = false;
    /** Of the latest connection, from its opening (which takes two of them, a little more with TLS). */
    this.round_trip_ms = 0;
    /** @type {Set<(state: LinkState, retry_ms: number) => void>} */
    this.watchers = new Set();
    /** @type {Set<(code: string, message: string) => void>} */
    this.failures = new Set();
    if (early?.socket && early.socket.readyState <= 1) this.#adopt(early, early.socket);
    else this.#connect();
  }

  /**
   * Takes over the socket that the bootstrap script opened. What it received stays in the inbox until its run has a receiver.
   * @param {Early} early
   * @param {WebSocket} socket
   */
  #adopt(early, socket) {
    this.#early = early;
    this.#granted_bytes = this.#reported_grant = early.granted_bytes ?? 0;
    const greet = socket.onopen;
    this.#listen(socket);
    this.round_trip_ms = early.round_trip_ms ?? 0;
    socket.onopen = (event) => {
      // The script's hello, open and want.
      greet?.call(socket, event);
      this.round_trip_ms = early.round_trip_ms ?? 0;
      for (const run of this.#subscribers.keys()) {
        if (run === early.run) this.#send(this.#wishes.get(run));
        else this.#open(run);
      }
      if (early.run && !this.#early && !this.#subscribers.has(early.run)) this.#send({ type: "close", run: early.run });
      this.#setState("open");
    };
    socket.onmessage = ({ data }) => {
      early.inbox.push(data);
      if (this.#early !== early) this.#drainInbox(early);
    };
    if (socket.readyState === 1) this.#setState("open");
  }

  /** @param {Early} early */
  #drainInbox(early) {
    for (const data of early.inbox.splice(0)) this.#received(data);
  }

  #connect() {
    this.#granted_bytes = this.#reported_grant = 0;
    this.#received_bytes = this.#reported_bytes = 0;
    this.full = false;
    this.#setState("connecting");
    const asked_ms = this.around.now();
    const socket = this.around.makeSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.#listen(socket);
    socket.onopen = () => {
      this.round_trip_ms = (this.around.now() - asked_ms) / 2;
      this.#grant();
      this.#reported_grant = this.#granted_bytes;
      this.#send({ type: "hello", version: PROTOCOL_VERSION, granted_bytes: this.#granted_bytes });
      for (const run of this.#subscribers.keys()) this.#open(run);
      this.#setState("open");
    };
    socket.onmessage = ({ data }) => this.#received(data);
  }

  /** @param {WebSocket} socket */
  #listen(socket) {
    this.#socket = socket;
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lost(event.code);
    };
    this.#schedulePing();
  }

  /** @param {LinkState} state */
  #setState(state, retry_ms = 0) {
    if (state === this.state && !retry_ms) return;
    this.state = state;
    for (const watch of this.watchers) watch(state, retry_ms);
  }

  /** @param {import("./wire.js").ClientMessage | undefined} message */
  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** @param {string} run */
  #open(run) {
    const { have, partial } = /** @type {Subscriber} */ (this.#subscribers.get(run)).resume();
    this.#send({ type: "open", run, have: have.length ? have : undefined, partial: partial.length ? partial : undefined });
    this.#send(this.#wishes.get(run));
  }

  /**
   * Starts a run. Each run has one receiver.
   * @param {string} run
   * @param {Subscriber} subscriber
   * @param {import("./wire.js").Wish} wish
   */
  subscribe(run, subscriber, wish) {
    if (this.#subscribers.has(run)) throw new Error(`run ${run} is open already`);
    this.#subscribers.set(run, subscriber);
    this.#wishes.set(run, { type: "want", run, ...wish });
    const early = this.#early;
    this.#early = null;
    if (early?.run === run) this.#send(this.#wishes.get(run));
    else {
      if (early?.run) this.#send({ type: "close", run: early.run });
      this.#open(run);
    }
    if (early) this.#drainInbox(early);
  }

  /** @param {string} run */
  unsubscribe(run) {
    if (!this.#subscribers.delete(run)) return;
    this.#wishes.delete(run);
    this.#send({ type: "close", run });
  }

  /**
   * @param {string} run
   * @param {import("./wire.js").Wish} wish
   */
  want(run, wish) {
    const before = this.#wishes.get(run);
    /** @type {import("./wire.js").ClientMessage} */
    const message = { type: "want", run, ...wish };
    if (!before || JSON.stringify(before) === JSON.stringify(message)) return;
    this.#wishes.set(run, message);
    this.#send(message);
  }

  /**
   * @param {string} run
   * @param {number} tier
   * @param {number} frame
   * @param {boolean} lost it was sound, but is gone: nothing has to be made anew
   */
  damaged(run, tier, frame, lost) {
    this.#send({ type: "damaged", run, tier, frame, lost: lost || undefined });
  }

  /** @param {string | ArrayBuffer} data */
  #received(data) {
    try {
      if (typeof data === "string") this.#control(data);
      else this.#pieces(data);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#broken++;
      console.warn(`fastcine: ${error.message}`);
      this.#socket?.close(BROKEN, "protocol");
      this.#lost(BROKEN);
    }
  }

  /** @param {ArrayBuffer} data */
  #pieces(data) {
    this.#received_bytes += data.byteLength;
    for (const piece of parsePieces(data)) this.#subscribers.get(piece.run)?.onPiece(piece);
    this.#broken = 0;
    this.#report();
  }

  /** @param {string} text */
  #control(text) {
    const message = parseControl(text);
    if (!message) return;
    if (message.type === "welcome") this.#failures = 0;
    if (message.type === "goaway") {
      this.#retry_ms = Math.max(this.#retry_ms, message.retry_ms ?? 0);
      this.full = message.reason === "too many viewers";
    }
    if (message.type === "pong") this.#schedulePing();
    if (message.run) this.#subscribers.get(message.run)?.onMessage(message);
    else if (message.type === "error") this.#fail(message.code ?? "error", message.message ?? "");
  }

  /**
   * @param {string} code
   * @param {string} message
   */
  #fail(code, message) {
    for (const tell of this.failures) tell(code, message);
  }

  /** Raises the grant: a window ahead of what has been received, less what waits to be worked up beyond that window. */
  #grant() {
    let backlog = 0;
    for (const subscriber of this.#subscribers.values()) backlog += subscriber.backlog();
    const late = Math.max(0, backlog - BACKLOG_CREDITS * this.credit_bytes);
    this.#granted_bytes = Math.max(this.#granted_bytes, this.#received_bytes + Math.max(0, this.credit_bytes - late));
  }

  /** Tells the server what came and how much more may, when enough has changed or enough time has passed. */
  #report() {
    this.#grant();
    const fresh = this.#received_bytes - this.#reported_bytes;
    const quiet_ms = this.around.now() - this.#reported_ms;
    const much = fresh >= REPORT_BYTES || this.#granted_bytes - this.#reported_grant >= this.credit_bytes / 4;
    if (much || (fresh > 0 && quiet_ms >= REPORT_MS)) this.#reportNow();
    else if (fresh > 0) this.#report_timer ??= this.around.setTimer(() => this.#reportNow(), REPORT_MS);
  }

  #reportNow() {
    this.around.clearTimer(this.#report_timer);
    this.#report_timer = null;
    if (this.#socket?.readyState !== 1) return;
    this.#reported_bytes = this.#received_bytes;
    this.#reported_grant = this.#granted_bytes;
    this.#reported_ms = this.around.now();
    this.#send({ type: "credit", granted_bytes: this.#granted_bytes, received_bytes: this.#received_bytes });
  }

  /** The backlog has shrunk: perhaps there is room for more. */
  worked() {
    if (this.#socket?.readyState === 1 && !this.#early) this.#report();
  }

  #schedulePing() {
    this.around.clearTimer(this.#ping_timer);
    this.#ping_timer = this.around.setTimer(() => {
      this.#send({ type: "ping", t: Math.round(this.around.now()) });
      const socket = this.#socket;
      this.#ping_timer = this.around.setTimer(() => {
        socket?.close();
        // A dead link: its close event may take minutes.
        if (this.#socket === socket) this.#lost(1006);
      }, PONG_MS);
    }, PING_MS);
  }

  /** @param {number} code */
  #lost(code) {
    this.#early = null;
    this.#socket = null;
    for (const timer of [this.#ping_timer, this.#report_timer]) this.around.clearTimer(timer);
    this.#report_timer = null;
    const final = FINAL.get(code) ?? (this.#broken >= BROKEN_MAX ? ["protocol", "The server sent what this page does not understand. Reload it."] : null);
    if (final) {
      this.#setState("closed");
      this.#fail(final[0], final[1]);
      return;
    }
    const backoff = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.#failures++);
    // Spread out, so that a restarted server does not meet all its viewers in one moment.
    const wait = Math.max(this.#retry_ms * (1 + this.around.random()), backoff * (0.75 + this.around.random() / 2));
    this.#retry_ms = 0;
    this.#setState("waiting", wait);
    this.around.setTimer(() => this.#connect(), wait);
  }
}

/** @type {Map<string, Connection>} */
const shared = new Map();

/**
 * The page's connection to `url`; options count for the first that asks.
 * @param {string} url
 * @param {{credit_bytes?: number, early?: Early}} options
 */
export function sharedConnection(url, options) {
  let connection = shared.get(url);
  if (!connection || connection.state === "closed") {
    connection = new Connection(url, options);
    shared.set(url, connection);
  }
  return connection;
}

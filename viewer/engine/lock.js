// One clock for several players. Each has its track of a common period (tracks.js), and no picture changes before that of every
// player can: so two planes of one acquisition never differ by a frame, however late one of them is decoded.

import { indexAt } from "./clock.js";
import { mirrored, tracksOf } from "./tracks.js";

/** A hair after a frame comes on, so that rounding does not put us before it. */
const JUST_AFTER_MS = 1e-3;

/**
 * @typedef {import("./tracks.js").LockMode} LockMode
 *
 * @typedef {object} Member a player's ticks (play_ticks.js)
 * @property {import("./playback.js").Playback} playback
 * @property {{description: import("./description.js").RunDescription | null} | null} source
 * @property {(frame: number) => boolean} has that frame can be put on the screen now
 * @property {(now_ms: number) => boolean} isReady the picture of its place is on the screen, and the next ones wait
 * @property {(now_ms: number) => void} started the clock has started
 * @property {() => void} stopped the clock stands, or its place has changed
 */

export class Lock {
  /** @type {Member[]} */
  members = [];
  /** Those that play together; the rest lacks what the mode needs. @type {Member[]} */
  #together = [];
  /** Where all stand while the clock does, ms of the common period. */
  #phase_ms = 0;
  #asked_ms = NaN;
  /** The moment whose pictures are on the screens. */
  #time_ms = 0;

  /** @param {LockMode} mode */
  constructor(mode) {
    this.mode = mode;
  }

  /** @param {Member} member */
  isTogether(member) {
    return this.#together.includes(member);
  }

  /** @param {Member[]} members the first leads: the others take over how it plays */
  setMembers(members) {
    for (const member of this.members) {
      if (members.includes(member)) continue;
      member.playback.lock = null;
      member.playback.setTrack(null);
      member.stopped();
    }
    this.members = members;
    for (const member of members) member.playback.lock = this;
    this.rebuild();
  }

  release() {
    this.setMembers([]);
  }

  /** A run, a range or the loop mode is another one: tracks anew, all from the leader's place. */
  rebuild() {
    const members = this.members.filter((member) => member.source?.description);
    const tracks = tracksOf(
      members.map(({ playback, source }) => ({ durations_ms: playback.acquired, first: playback.first, last: playback.last, r_wave_ms: source?.description?.r_wave_ms })),
      this.mode,
    );
    this.#together = members.filter((_, at) => tracks[at] !== null);
    const leader = this.#together[0]?.playback;
    for (const [at, { playback }] of members.entries()) {
      const track = tracks[at];
      if (leader && track) Object.assign(playback, { speed: leader.speed, loop: leader.loop, playing: leader.playing });
      playback.setTrack(track && playback.loop === "sweep" ? mirrored(track) : track);
    }
    this.#phase_ms = leader ? this.#phaseOf(leader, leader.frame) : 0;
    this.#place();
  }

  /** @param {import("./playback.js").Playback} playback @param {number} frame */
  #phaseOf(playback, frame) {
    const { frames, starts_ms } = playback.clock.sequence;
    let best = 0;
    // A frame may come more than once in a period: the one nearest to where we are.
    const distance = (/** @type {number} */ n) => Math.abs(frames[n] - frame) * 1e9 + Math.abs(starts_ms[n] - this.#phase_ms);
    for (let n = 1; n < frames.length; n++) if (distance(n) < distance(best)) best = n;
    return starts_ms[best];
  }

  /** Puts every member on the frame of the common place, its clock standing. */
  #place() {
    this.#asked_ms = NaN;
    for (const member of this.#together) {
      member.playback.standAt(this.#phase_ms);
      member.stopped();
    }
  }

  #rememberPlace() {
    const playback = this.#together.find((member) => member.playback.running)?.playback;
    if (playback) this.#phase_ms = playback.clock.phaseAt(this.#time_ms);
  }

  // ---- what one of them is asked to do, all do

  halt() {
    this.#rememberPlace();
    this.#place();
  }

  /** @param {boolean} playing */
  play(playing) {
    this.#rememberPlace();
    const { clock, loop, speed } = this.#together[0].playback;
    const end_ms = speed < 0 ? 0 : clock.sequence.period_ms;
    if (playing && loop === "once" && Math.abs(this.#phase_ms - end_ms) < 1) this.#phase_ms = speed < 0 ? clock.sequence.period_ms - JUST_AFTER_MS : 0;
    for (const { playback } of this.#together) playback.playing = playing;
    this.#place();
  }

  /** `once` has come to its end. */
  end() {
    const { clock, speed } = this.#together[0].playback;
    this.#phase_ms = speed < 0 ? 0 : clock.sequence.period_ms - JUST_AFTER_MS;
    for (const { playback } of this.#together) playback.playing = false;
    this.#place();
  }

  /** @param {Member} member @param {number} frame */
  seek(member, frame) {
    this.#rememberPlace();
    this.#phase_ms = this.#phaseOf(member.playback, frame);
    this.#place();
  }

  /** @param {Member} member @param {number} count frames of that member */
  step(member, count) {
    this.#rememberPlace();
    const { frames, starts_ms } = member.playback.clock.sequence;
    const index = (((indexAt(member.playback.clock.sequence, this.#phase_ms) + count) % frames.length) + frames.length) % frames.length;
    this.#phase_ms = starts_ms[index];
    for (const { playback } of this.#together) playback.playing = false;
    this.#place();
  }

  /** @param {number} speed */
  speed(speed) {
    this.#rememberPlace();
    for (const { playback } of this.#together) playback.speed = speed;
    this.#place();
  }

  /** @param {import("./clock.js").LoopMode} loop */
  setLoop(loop) {
    this.#rememberPlace();
    for (const { playback } of this.#together) playback.loop = loop;
    this.rebuild();
  }

  // ---- time

  /** Starts all clocks at one moment, when every picture is there. @param {number} now_ms */
  tryStart(now_ms) {
    if (!this.#together.every((member) => member.isReady(now_ms))) return;
    this.#time_ms = this.#asked_ms = now_ms;
    for (const member of this.#together) {
      member.playback.startAt(this.#phase_ms, now_ms);
      member.started(now_ms);
    }
  }

  /**
   * The moment to show at this tick: now, a little earlier where the screen was held up, or the one before where a picture is missing.
   * All members ask within one animation frame and are told the same.
   * @param {number} now_ms
   */
  time(now_ms) {
    if (now_ms === this.#asked_ms) return this.#time_ms;
    this.#asked_ms = now_ms;
    // The one with the most frames leads: catching up goes by its frames.
    let leader = this.#together[0].playback;
    for (const { playback } of this.#together) if (playback.clock.sequence.frames.length > leader.clock.sequence.frames.length) leader = playback;
    const next_ms = Math.max(this.#time_ms, leader.caughtUp(now_ms) + JUST_AFTER_MS);
    if (this.#together.every((member) => member.has(member.playback.clock.at(next_ms).frame))) this.#time_ms = next_ms;
    return this.#time_ms;
  }
}

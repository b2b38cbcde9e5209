// Run in our page when all of it is exact: the page's own decode pool, warm, decodes all exact frames once more from memory,
// CRC and all, while the page draws a few frames it has decoded at the run's rate. Nothing but drawing is in its way.
async () => {
  const { base, run } = window.BOOTSTRAP;
  const [{ sharedPool }, { jobOf }, wire, { CompressedFrames }] = await Promise.all(
    ["decode_pool", "decode_job", "wire", "compressed_frames"].map((name) => import(`${base}engine/${name}.js`)),
  );
  const player = window.fastcine.player;
  const { frames, timing } = player.description;
  const held = new CompressedFrames(frames);
  await new Promise((resolve, reject) => {
    // A second stream of its own: what the page holds is the page's.
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws", wire.SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    let received = 0;
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => {
      send({ type: "hello", version: wire.PROTOCOL_VERSION, granted_bytes: 2 ** 50 });
      send({ type: "open", run, have: [[0, 0, frames - 1], [1, 0, frames - 1]] });
      send({ type: "want", run, state: "play", frame: 0, rate_fps: timing.fps });
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return;
      received += data.byteLength;
      for (const piece of wire.parsePieces(data)) held.accept(piece);
      send({ type: "credit", granted_bytes: 2 ** 50, received_bytes: received });
      if (held.exact_count < frames) return;
      socket.onclose = null;
      socket.close();
      resolve();
    };
    socket.onclose = () => reject(new Error("the stream ended"));
  });
  player.setRange(0, 5);
  player.play();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const pool = sharedPool();
  const shown = player.stats().frames_shown;
  const began_ms = performance.now();
  let next = 0, left = frames, failed = 0;
  await new Promise((resolve) => {
    const source = {
      // Due after all that the page shows, and not in the background: every worker takes part.
      need: () => next < frames && {
        due_ms: 1e15,
        take: () => jobOf(held.exact(next++), player.description, false),
        done: (answer) => {
          if (!answer || answer.failure) failed += 1;
          if (--left > 0) return;
          pool.detach(source);
          resolve();
        },
      },
    };
    pool.attach(source);
    pool.poke();
  });
  const decode_ms = performance.now() - began_ms;
  return { decode_ms, failed, drawn_fps: ((player.stats().frames_shown - shown) * 1000) / decode_ms };
}

// Run in our page when all of it is exact: the page's own decode pool, warm, decodes all exact frames once more from memory,
// CRC and all, while the page draws a few frames it has decoded at the run's rate. Nothing but drawing is in its way.
async () => {
  const { base, run } = window.BOOTSTRAP;
  const [{ sharedPool }, wire, { CompressedFrames }] = await Promise.all(
    ["decode_pool", "wire", "compressed_frames"].map((name) => import(`${base}engine/${name}.js`)),
  );
  const player = window.fastcine.player;
  const { frames, rows, columns, tiers, timing } = player.description;
  const { components, bits } = tiers.exact;
  const held = new CompressedFrames(frames);
  await new Promise((resolve, reject) => {
    // A second stream of its own: what the page holds is the page's.
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws", wire.SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    let received = 0;
    socket.onopen = () => {
      socket.send(wire.helloMessage(2 ** 50));
      socket.send(wire.openMessage(run, [[0, 0, frames - 1], [1, 0, frames - 1]], []));
      socket.send(wire.wantMessage(run, { state: "play", frame: 0, rate_fps: timing.fps }));
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return;
      received += data.byteLength;
      for (const piece of wire.parsePieces(data)) held.accept(piece);
      socket.send(wire.creditMessage(2 ** 50, received));
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
        take: () => {
          const { codec, bytes, crc32 } = held.exact(next++);
          return { codec, bytes: bytes.buffer, rows, columns, components, bits, transform: false, raw: null, crc32,
            crc_of_samples: codec !== wire.CODEC_JPEG, want_samples: false };
        },
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

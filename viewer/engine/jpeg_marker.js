// States the colour transform inside a JPEG bitstream. Pure.
//
// The WASM libjpeg-turbo has no switch for it: it goes by the markers (JFIF: YCbCr; Adobe APP14: its transform byte; else the
// component ids), and DICOM objects often carry the wrong ones or none. The server knows (docs/api.md, `jpeg_transform`), so
// the decoder is given a copy with the JFIF and Adobe markers taken out and one Adobe marker put in (ITU-T T.872, 6.5.3).

const SOI = 0xd8;
const APP0 = 0xe0;
const APP14 = 0xee;
const SOS = 0xda;

/** @param {boolean} transform */
const adobeMarker = (transform) =>
  new Uint8Array([0xff, APP14, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform ? 1 : 0]);

/**
 * @param {Uint8Array} bytes whole bitstream
 * @param {boolean} transform the decoder has to turn YCbCr into RGB
 * @returns {Uint8Array} a copy that says so; the bytes as they are where they are no sequence of JPEG markers
 */
export function withColorTransform(bytes, transform) {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) return bytes;
  const marker = adobeMarker(transform);
  const out = new Uint8Array(bytes.length + marker.length);
  out.set(bytes.subarray(0, 2));
  out.set(marker, 2);
  let filled = 2 + marker.length;
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== SOS) {
    if (bytes[at + 1] === 0xff) {
      // A fill byte before the marker.
      at++;
      continue;
    }
    const end = at + 2 + bytes[at + 2] * 256 + bytes[at + 3];
    if (end > bytes.length) break;
    if (bytes[at + 1] !== APP0 && bytes[at + 1] !== APP14) {
      out.set(bytes.subarray(at, end), filled);
      filled += end - at;
    }
    at = end;
  }
  out.set(bytes.subarray(at), filled);
  return out.subarray(0, filled + bytes.length - at);
}

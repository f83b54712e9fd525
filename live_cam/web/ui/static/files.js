// @ts-check
/** Downloads, and files in a ZIP. */

const REVOKE_AFTER_MS = 15000;
const STORED = 0;
const HEADER_BYTES = 30;
const SIGNATURE = 0x04034b50;

/** Downloads a file. @param {string} name @param {Blob} file */
export function save(name, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_AFTER_MS);
}

/**
 * Extracts one file from a ZIP as live_cam writes it: stored or deflated, with the sizes before the data.
 *
 * Source: APPNOTE.TXT 6.3.10, 4.3.7, "Local file header".
 *
 * @param {Blob} zip
 * @param {(name: string) => boolean} matches
 * @returns {Promise<Blob>}
 */
export async function fileInZip(zip, matches) {
  let start = 0;
  while (start + HEADER_BYTES <= zip.size) {
    const header = new DataView(await zip.slice(start, start + HEADER_BYTES).arrayBuffer());
    if (header.getUint32(0, true) !== SIGNATURE) break;
    const nameStart = start + HEADER_BYTES;
    const nameEnd = nameStart + header.getUint16(26, true);
    const dataStart = nameEnd + header.getUint16(28, true);
    start = dataStart + header.getUint32(18, true);
    if (!matches(await zip.slice(nameStart, nameEnd).text())) continue;
    const data = zip.slice(dataStart, start);
    if (header.getUint16(8, true) === STORED) return data;
    return new Response(data.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
  }
  throw new Error("no such file in the ZIP");
}

// @ts-check
/** Files in the page's hands: given to the person, and looked into. */

const KEPT_MS = 15000;
const STORED = 0;
const HEADER_BYTES = 30;
const SIGNATURE = 0x04034b50;

/** Hands a file to the person. @param {string} name @param {Blob} file */
export function save(name, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Not at once: some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/**
 * Takes one file out of a ZIP as live_cam writes it: stored or deflated, its sizes before the data.
 *
 * Source: APPNOTE.TXT 6.3.10, 4.3.7, "Local file header".
 *
 * @param {Blob} zip
 * @param {(name: string) => boolean} wanted
 * @returns {Promise<Blob>}
 */
export async function fileIn(zip, wanted) {
  let begin = 0;
  while (begin + HEADER_BYTES <= zip.size) {
    const header = new DataView(await zip.slice(begin, begin + HEADER_BYTES).arrayBuffer());
    if (header.getUint32(0, true) !== SIGNATURE) break;
    const nameBegin = begin + HEADER_BYTES;
    const nameEnd = nameBegin + header.getUint16(26, true);
    const dataBegin = nameEnd + header.getUint16(28, true);
    begin = dataBegin + header.getUint32(18, true);
    if (!wanted(await zip.slice(nameBegin, nameEnd).text())) continue;
    const data = zip.slice(dataBegin, begin);
    if (header.getUint16(8, true) === STORED) return data;
    return new Response(data.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
  }
  throw new Error("the file looked for is not in the ZIP");
}

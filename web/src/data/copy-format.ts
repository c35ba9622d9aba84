// How a copy of the page that needs no server holds its data: one element with the answers of the API, gzipped and in
// base64, and one with the worker's code.

export const copyId = "dvi-copy";
export const workerId = "dvi-worker";

/** An answer of the API: JSON text, or bytes in base64. */
export interface StoredAnswer {
  readonly json?: string;
  readonly bytes?: string;
}

export interface StoredCopy {
  /** by path, without the cache key */
  readonly answers: Record<string, StoredAnswer>;
  /** images, each a row of squares of `size` pixels for the ids beside it */
  readonly atlases: { ids: number[]; size: number; png: string }[];
}

/** The path under which an answer is stored: without the cache key, which only names a version. */
export function storedPath(path: string): string {
  const [base, query] = path.split("?");
  const kept = (query ?? "")
    .split("&")
    .filter((part) => part && !part.startsWith("v="))
    .join("&");
  return kept ? `${base}?${kept}` : base!;
}

export function toBase64(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 0x6000)
    out += btoa(String.fromCharCode(...bytes.subarray(i, i + 0x6000)));
  return out;
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; ++i) out[i] = raw.charCodeAt(i);
  return out;
}

export async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

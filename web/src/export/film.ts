import type { Viewer } from "../picture/viewer";
import type { State, Store } from "../state/store";
import { drawPicture, type PictureOptions } from "./picture";

export type FilmFormat = "mp4" | "webm" | "gif";

export interface FilmOptions {
  readonly format: FilmFormat;
  /** places in the list of fitted epochs */
  readonly from: number;
  readonly to: number;
  /** epochs a second */
  readonly speed: number;
  readonly picture: PictureOptions;
  readonly onProgress: (share: number) => void;
  readonly cancelled: () => boolean;
}

/** Times of the frames of a film: every 1 / rate seconds, and the last epoch for half a second. */
export function frameTimes(from: number, to: number, speed: number, rate: number): number[] {
  const seconds = (to - from) / speed;
  const moving = Math.max(1, Math.round(seconds * rate));
  const times = Array.from({ length: moving }, (_, k) => from + ((to - from) * k) / moving);
  for (let k = 0; k < Math.max(1, Math.round(rate / 2)); ++k) times.push(to);
  return times;
}

/** Makes a film of the scene over a range of time. The encoders are loaded only now. */
export async function makeFilm(viewer: Viewer, store: Store, options: FilmOptions): Promise<Blob> {
  const pane = viewer.main;
  if (!pane) throw new Error("There is no picture to film.");
  const before: Pick<State, "time" | "playing"> = { time: store.state.time, playing: false };
  store.set({ playing: false });
  const first = Math.floor(options.from);
  const last = Math.ceil(options.to);
  const canvas = document.createElement("canvas");
  const rate = options.format === "gif" ? 15 : 30;
  const times = frameTimes(options.from, options.to, options.speed, rate);
  const show = async (time: number) => {
    for (const p of viewer.panes) await p.load(time + (p === pane ? 0 : viewer.timeOffset));
    store.set({ time });
    for (const p of viewer.panes) await p.colored();
    drawPicture(viewer, options.picture, canvas);
  };
  try {
    for (let k = first; k <= last; ++k) await pane.load(k);
    await show(times[0]!);
    const sink =
      options.format === "gif" ? await gifSink(canvas, rate) : await videoSink(canvas, options.format, rate);
    for (const [k, time] of times.entries()) {
      if (options.cancelled()) throw new Error("The film was cancelled.");
      await show(time);
      await sink.add(k);
      options.onProgress((k + 1) / times.length);
      // Lets the page breathe, so that Cancel can be pressed.
      if (k % 4 === 0) await new Promise((done) => setTimeout(done));
    }
    return await sink.finish();
  } finally {
    store.set(before);
  }
}

interface Sink {
  add(frame: number): Promise<void>;
  finish(): Promise<Blob>;
}

async function videoSink(canvas: HTMLCanvasElement, format: "mp4" | "webm", rate: number): Promise<Sink> {
  const media = await import("mediabunny");
  const output = new media.Output({
    format: format === "mp4" ? new media.Mp4OutputFormat() : new media.WebMOutputFormat(),
    target: new media.BufferTarget(),
  });
  const codec = await media.getFirstEncodableVideoCodec(output.format.getSupportedVideoCodecs(), {
    width: canvas.width,
    height: canvas.height,
  });
  if (!codec) throw new Error(`This browser has no encoder for ${format.toUpperCase()}; try another format.`);
  const source = new media.CanvasSource(canvas, { codec, bitrate: media.QUALITY_HIGH });
  output.addVideoTrack(source, { frameRate: rate });
  await output.start();
  return {
    add: (frame) => source.add(frame / rate, 1 / rate),
    async finish() {
      await output.finalize();
      return new Blob([output.target.buffer!], { type: `video/${format}` });
    },
  };
}

async function gifSink(canvas: HTMLCanvasElement, rate: number): Promise<Sink> {
  const { GIFEncoder, quantize, applyPalette } = await import("gifenc");
  const gif = GIFEncoder();
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  return {
    async add() {
      const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
      const palette = quantize(data, 256);
      gif.writeFrame(applyPalette(data, palette), width, height, { palette, delay: 1000 / rate });
    },
    async finish() {
      gif.finish();
      return new Blob([gif.bytes() as Uint8Array<ArrayBuffer>], { type: "image/gif" });
    },
  };
}

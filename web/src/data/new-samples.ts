import type { Api, Placed, Projected, ProjectRequest, SessionState } from "./api";
import { ApiError } from "./api";
import type { Dataset } from "./dataset";

/** Pictures larger than this are made smaller before they are sent. */
const mostPixels = 1024;
const mostBytes = 4 << 20;

/** A sample that was never recorded, at every fitted epoch. */
export interface NewSample {
  readonly name: string;
  /** What stands for it in the picture: A, B, ..., Z, AA, ... */
  readonly letter: string;
  /** The picture's address; null for texts and rows. */
  readonly image: string | null;
  readonly at: ReadonlyMap<number, Placed & { usual_distance: number }>;
}

/** What was given, to be asked for again when the view grows. */
interface Given {
  readonly letter: string;
  readonly image: string | null;
  readonly request: ProjectRequest;
  readonly row: number;
}

/** The samples of an answer: `row` of it at each epoch. */
export function sampleAt(answer: Projected, row: number): NewSample["at"] {
  return new Map(
    answer.epochs.map((e) => [e.epoch, { ...e.samples[row]!, usual_distance: e.usual_distance }]),
  );
}

/** A, B, ..., Z, AA, AB, ...: the first that is free. */
export function freeLetter(used: readonly string[]): string {
  for (let k = 0; ; ++k) {
    const letter =
      (k >= 26 ? String.fromCharCode(64 + Math.floor(k / 26)) : "") + String.fromCharCode(65 + (k % 26));
    if (!used.includes(letter)) return letter;
  }
}

/**
 * Samples that the user brought: the server places them, here they are kept until they are thrown away. They belong to
 * the run that was open when they came.
 */
export class NewSamples {
  list: readonly NewSample[] = [];
  /** How many are on their way. */
  waiting = 0;
  private given: readonly Given[] = [];
  private key = "";
  private run = 0;

  constructor(
    private readonly api: Api,
    private readonly onChange: () => void,
  ) {}

  /** Another run, view or list of epochs is shown: what is here is placed there, or is gone with its run. */
  async follow(data: Dataset): Promise<void> {
    const run = `${data.runId}/`;
    const key = `${run}${data.key}/${data.fitted.length}`;
    if (key === this.key) return;
    const other = !this.key.startsWith(run);
    this.key = key;
    this.run = data.runId;
    if (!this.given.length) return;
    const { given } = this;
    if (other) {
      this.set([], []);
      return;
    }
    const answers = new Map<ProjectRequest, Projected>();
    for (const { request } of given)
      if (!answers.has(request))
        answers.set(request, await this.api.project(data.runId, data.viewName, request));
    if (this.key !== key) return;
    const samples = given.map((g) => {
      const answer = answers.get(g.request)!;
      return { name: answer.samples[g.row]!, letter: g.letter, image: g.image, at: sampleAt(answer, g.row) };
    });
    this.set(given, samples);
  }

  /** Throws the server's sentence where it refuses them; those of other size are fitted only where `resize` says so. */
  async addPictures(data: Dataset, files: readonly File[], resize: boolean): Promise<void> {
    this.waiting += files.length;
    this.onChange();
    try {
      const pictures = await Promise.all(files.map(asPng));
      const request: ProjectRequest = {
        pictures: pictures.map((url, k) => ({ name: files[k]!.name, png: url.split(",")[1]! })),
        resize,
      };
      await this.add(data, request, (row) => pictures[row]!);
    } finally {
      this.waiting -= files.length;
      this.onChange();
    }
  }

  async addText(data: Dataset, text: string, kind?: ProjectRequest["kind"]): Promise<void> {
    await this.add(data, { text, ...(kind && { kind }) }, () => null);
  }

  /** What a notebook wants shown in the session `name`: others of it are gone, new ones are placed. */
  async showShared(data: Dataset, name: string, shared: SessionState["samples"]): Promise<void> {
    const wanted = (g: Given) =>
      g.request.session !== name ||
      shared.some((s) => s.id === g.request.samples && !s.thrown_away.includes(g.row));
    if (!this.given.every(wanted))
      this.set(
        this.given.filter(wanted),
        this.list.filter((_, k) => wanted(this.given[k]!)),
      );
    for (const { id, inputs, thrown_away } of shared) {
      if (this.given.some((g) => g.request.session === name && g.request.samples === id)) continue;
      const pictures = inputs && data.run.inputs?.kind === "image";
      await this.add(
        data,
        { session: name, samples: id },
        (row) => (pictures ? this.api.sessionImageUrl(data.runId, name, id, row) : null),
        thrown_away,
      );
    }
  }

  remove(sample: NewSample): void {
    const k = this.list.indexOf(sample);
    const { request, row } = this.given[k]!;
    if (request.session) void this.api.throwAway(this.run, request.session, request.samples, row);
    this.set(
      this.given.filter((_, i) => i !== k),
      this.list.filter((_, i) => i !== k),
    );
  }

  removeAll(): void {
    const sessions = new Set(this.given.map((g) => g.request.session));
    for (const name of sessions) if (name) void this.api.throwAway(this.run, name);
    this.set([], []);
  }

  private async add(
    data: Dataset,
    request: ProjectRequest,
    imageOf: (row: number) => string | null,
    without: readonly number[] = [],
  ): Promise<void> {
    const answer = await this.api.project(data.runId, data.viewName, request);
    const given = [...this.given];
    const list = [...this.list];
    answer.samples.forEach((name, row) => {
      if (without.includes(row)) return;
      const letter = freeLetter(list.map((s) => s.letter));
      const image = imageOf(row);
      given.push({ letter, image, request, row });
      list.push({ name, letter, image, at: sampleAt(answer, row) });
    });
    this.key = `${data.runId}/${data.key}/${data.fitted.length}`;
    this.run = data.runId;
    this.set(given, list);
  }

  private set(given: readonly Given[], list: readonly NewSample[]): void {
    this.given = given;
    this.list = list;
    this.onChange();
  }
}

/** The file as the data URL of a PNG; other kinds, and very large ones, through the browser. */
async function asPng(file: File): Promise<string> {
  if (file.type === "image/png" && file.size <= mostBytes) return readUrl(file);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new ApiError(`${file.name}: expected a picture, found a file that this browser cannot show.`, 400);
  }
  const scale = Math.min(1, mostPixels / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

function readUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new ApiError(`${file.name}: cannot be read.`, 400));
    reader.readAsDataURL(file);
  });
}

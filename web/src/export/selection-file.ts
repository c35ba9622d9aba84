import type { Dataset, EpochData } from "../data/dataset";

function csvField(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

interface Row {
  id: number;
  group: string;
  label: string;
  prediction: string;
  confidence: number;
}

function rows(data: Dataset, epoch: EpochData, ids: readonly number[]): Row[] {
  return ids.map((id) => ({
    id,
    group: data.run.groups[data.groupOf(id)]?.name ?? "",
    label: data.labels[id]! < 0 ? "" : data.className(data.labels[id]!),
    prediction: data.className(epoch.predictions[id]!),
    confidence: Number((epoch.samples.confidence[id]! / 255).toFixed(4)),
  }));
}

export function selectionCsv(data: Dataset, epoch: EpochData, ids: readonly number[]): string {
  const lines = rows(data, epoch, ids).map((r) =>
    [r.id, csvField(r.group), csvField(r.label), csvField(r.prediction), r.confidence].join(","),
  );
  return `id,group,label,prediction,confidence\n${lines.join("\n")}${lines.length ? "\n" : ""}`;
}

export function selectionJson(data: Dataset, epoch: EpochData, ids: readonly number[], name: string): string {
  return `${JSON.stringify(
    {
      name,
      run: data.run.name,
      view: data.viewName,
      epoch: epoch.epoch,
      ids,
      samples: rows(data, epoch, ids),
    },
    null,
    1,
  )}\n`;
}

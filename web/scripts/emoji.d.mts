/** One emoji of emojibase-data, as far as the script reads it. */
export interface DatasetEntry {
  readonly emoji: string;
}

export function makeData(
  load: (language: string) => readonly DatasetEntry[],
): Readonly<Record<string, string>>;
export function loadDataset(language: string): readonly DatasetEntry[];

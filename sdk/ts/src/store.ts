/** The kinds of things that are kept. */
export type Table = "meta" | "outbox" | "conversations" | "items" | "users";

/** One change; without a value the row goes away. */
export interface Change {
  table: Table;
  key: string;
  value?: unknown;
}

/** Where a client keeps what is to survive a reload. Values are what structured cloning can copy. */
export interface LocalStore {
  /** The same name in several tabs means the same data; null: nobody else sees it. */
  readonly name: string | null;
  get(table: Table, key: string): Promise<unknown>;
  /** All rows, by ascending key. */
  all(table: Table): Promise<[key: string, value: unknown][]>;
  /** All changes or none; resolved means kept. */
  write(changes: readonly Change[]): Promise<void>;
  /** Forgets everything. */
  clear(): Promise<void>;
  close(): void;
}

/** Keeps everything in memory: it ends with the process. */
export function memoryStore(): LocalStore {
  const tables: Record<Table, Map<string, unknown>> = {
    meta: new Map(),
    outbox: new Map(),
    conversations: new Map(),
    items: new Map(),
    users: new Map(),
  };
  return {
    name: null,
    get: async (table, key) => structuredClone(tables[table].get(key)),
    all: async (table) =>
      [...tables[table]]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => [key, structuredClone(value)]),
    write: async (changes) => {
      for (const { table, key, value } of structuredClone(changes)) {
        if (value === undefined) tables[table].delete(key);
        else tables[table].set(key, value);
      }
    },
    clear: async () => {
      for (const table of Object.values(tables)) table.clear();
    },
    close: () => undefined,
  };
}

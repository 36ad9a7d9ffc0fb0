/** The store of browsers. */

import type { Change, LocalStore, Table } from "./store.js";

/** Of the tables; a later version of the SDK that changes them counts up. */
const VERSION = 1;
const TABLES: readonly Table[] = ["meta", "outbox", "conversations", "items", "users"];

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const finished = (transaction: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });

/**
 * Keeps everything in an IndexedDB database; tabs that give the same name share it.
 *
 * Opened at the first use, and again when the browser has closed it.
 */
export function indexedDbStore(name = "pingme"): LocalStore {
  let opening: Promise<IDBDatabase> | null = null;

  const open = (): Promise<IDBDatabase> => {
    opening ??= opened(name).then((database) => {
      const forget = (): void => {
        opening = null;
      };
      database.onclose = forget;
      database.onversionchange = () => {
        database.close(); // a tab with a newer version waits for it
        forget();
      };
      return database;
    });
    opening.catch(() => {
      opening = null;
    });
    return opening;
  };

  return {
    name,
    async get(table, key) {
      return done((await open()).transaction(table).objectStore(table).get(key));
    },
    async all(table) {
      const rows = (await open()).transaction(table).objectStore(table);
      const [keys, values] = await Promise.all([done(rows.getAllKeys()), done(rows.getAll())]);
      return keys.map((key, index) => [String(key), values[index]]);
    },
    async write(changes: readonly Change[]) {
      if (changes.length === 0) return;
      const transaction = (await open()).transaction(
        [...new Set(changes.map(({ table }) => table))],
        "readwrite",
      );
      for (const { table, key, value } of changes) {
        const rows = transaction.objectStore(table);
        if (value === undefined) rows.delete(key);
        else rows.put(value, key);
      }
      transaction.commit(); // also where the page goes away before it hears of the end
      await finished(transaction);
    },
    async clear() {
      const transaction = (await open()).transaction(TABLES, "readwrite");
      for (const table of TABLES) transaction.objectStore(table).clear();
      await finished(transaction);
    },
    close() {
      void opening?.then((database) => database.close()).catch(() => undefined);
      opening = null;
    },
  };
}

async function opened(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    for (const table of TABLES) request.result.createObjectStore(table);
  };
  return done(request);
}

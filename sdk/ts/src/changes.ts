/** Tells listeners what changed, gathered over one turn of the event loop. */

import type { ChangeKey } from "./api.js";

export class Changes {
  readonly #listeners = new Set<(changed: ReadonlySet<ChangeKey>) => void>();
  #changed = new Set<ChangeKey>();
  #isScheduled = false;

  add(...keys: ChangeKey[]): void {
    for (const key of keys) this.#changed.add(key);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => this.#flush());
  }

  listen(listener: (changed: ReadonlySet<ChangeKey>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #flush(): void {
    this.#isScheduled = false;
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of [...this.#listeners]) listener(changed);
  }
}

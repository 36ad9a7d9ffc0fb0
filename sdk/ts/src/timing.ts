/** Waiting. */

/** Resolves after this long, or at once when the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

/** Something that may have happened: `wait` resolves at the next `set`, at once when it was set before. */
export class Bell {
  #isSet = false;
  #ring: (() => void) | null = null;

  set(): void {
    this.#isSet = true;
    this.#ring?.();
  }

  /** Resolves when it rings, after `ms`, or when the signal is aborted; it is quiet again then. */
  async wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#isSet && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(() => this.#ring?.(), ms);
        this.#ring = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", this.#onAbort);
          this.#ring = null;
          resolve();
        };
        signal.addEventListener("abort", this.#onAbort);
      });
    }
    this.#isSet = false;
  }

  readonly #onAbort = (): void => this.#ring?.();
}

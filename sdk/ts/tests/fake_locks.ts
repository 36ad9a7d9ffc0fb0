/** Web Locks, exclusive ones, as browsers have them (https://w3c.github.io/web-locks/). */

type Work = (lock: object) => unknown;

interface Waiting {
  work: Work;
  owner: object;
  signal: AbortSignal | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class FakeLocks {
  readonly #queues = new Map<string, Waiting[]>();

  request(name: string, options: { signal?: AbortSignal } | Work, work?: Work): Promise<unknown> {
    const run = typeof options === "function" ? options : (work as Work);
    const signal = typeof options === "function" ? undefined : options.signal;
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      const waiting = { work: run, owner: {}, signal, resolve, reject };
      signal?.addEventListener("abort", () => {
        if (queue.indexOf(waiting) <= 0) return;
        queue.splice(queue.indexOf(waiting), 1);
        reject(new DOMException("aborted", "AbortError"));
      });
      queue.push(waiting);
      if (queue.length === 1) void this.#next(name);
    });
  }

  async #next(name: string): Promise<void> {
    const queue = this.#queues.get(name) ?? [];
    const [first] = queue;
    if (first === undefined) return;
    await Promise.resolve();
    try {
      first.resolve(await first.work({ name }));
    } catch (error) {
      first.reject(error);
    }
    queue.shift();
    void this.#next(name);
  }
}

/** Build: the order of the cascade's layers stands at the beginning of every style sheet. */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

/**
 * The plugin. The bundler links the style sheets of a page by their chunks, so the one that names the order may come
 * after one that has a layer already; then that layer would come first, and lose against `reset`.
 *
 * @param styles - the file whose first statement is `@layer a, b, …;`.
 */
export function layers(styles: string): Plugin {
  const order = /@layer [^;{]+;/.exec(readFileSync(styles, "utf8"))?.[0];
  if (order === undefined) throw new Error(`expected "@layer a, b;" in ${styles}`);
  return {
    name: "pingme-layers",
    apply: "build",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type === "asset" && file.fileName.endsWith(".css"))
          file.source = `${order}${String(file.source)}`;
      }
    },
  };
}

import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const ORDER = /^@layer [^;{]+;/m;

/**
 * Puts the order of the cascade layers at the head of every style sheet.
 *
 * The first sheet that names a layer gives it its place. The bundler shares out styles among chunks as it likes, and
 * the page links a shared chunk's sheet before the main one, where the order stands in the sources.
 *
 * @param index - the style sheet that says the order, in its first statement.
 */
export function layers(index: string): Plugin {
  return {
    name: "pingme-layers",
    enforce: "pre", // while it is still CSS
    transform(code, id) {
      if (!id.endsWith(".css") || ORDER.test(code)) return null;
      const order = ORDER.exec(readFileSync(index, "utf8"))?.[0];
      if (order === undefined) this.error(`expected "@layer a, b;" in ${index}`);
      return { code: `${order}\n${code}`, map: null };
    },
  };
}

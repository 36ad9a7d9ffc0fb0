/**
 * Makes the emoji picker's data from emojibase-data (MIT): `node scripts/emoji.mjs` writes src/emoji/generated/.
 *
 * The picker needs each emoji once, in the order of its group, whether it takes a skin tone, and words to find it by.
 * Lines of text pack all that into a tenth of the JSON, and compress well: words stand in the emoji's order, so no
 * key is repeated. `makeData` is pure; a test compares its result with the files.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** Newer emoji are empty boxes on phones that are three years old. */
const NEWEST = 15;

/** How the groups of Unicode are called here, in the order of the picker; components are no emoji of their own. */
const GROUPS = [
  [0, "smileys"],
  [1, "people"],
  [3, "animals"],
  [4, "food"],
  [5, "travel"],
  [6, "activities"],
  [7, "objects"],
  [8, "symbols"],
  [9, "flags"],
];

const FLAGS = 9;

/** Which tags are no words of the language, and how many are kept: later ones are far-fetched, and each is a kilobyte. */
const ENGLISH = { foreign: /[^a-z ]/, most: 4 };
const CHINESE = { foreign: /[a-z|]/i, most: 3 };

const TONES = ["🏻", "🏼", "🏽", "🏾", "🏿"];

/** Puts a skin tone into an emoji; src/emoji/tones.ts does the same. */
function toned(emoji, tone) {
  const [first, ...rest] = [...emoji];
  return first + tone + rest.join("").replace(/^\ufe0f/, "");
}

/** The dataset asks for a picture even where there is nothing else; the same emoji must not be two reactions. */
function plain(emoji) {
  return emoji.replace(/(\p{Emoji_Presentation})\ufe0f/gu, "$1");
}

/** True when the five tones of an emoji are made by that rule. */
function takesTone({ emoji, skins = [] }) {
  const single = skins.filter(({ tone }) => typeof tone === "number");
  return (
    single.length === 5 && single.every((skin) => skin.emoji === toned(plain(emoji), TONES[skin.tone - 1]))
  );
}

/** The words of an emoji: its name, then what else it is looked for by, without what the name says already. */
function wordsOf({ label, tags = [], group }, { foreign, most }) {
  const known = label.toLowerCase();
  const more = group === FLAGS ? [] : tags.filter((tag) => !known.includes(tag) && !foreign.test(tag));
  return [label, ...more.slice(0, most)].join("|").replace(/\n/g, " ");
}

function listed(data) {
  return GROUPS.flatMap(([group]) =>
    data.filter((each) => each.group === group && each.version <= NEWEST).sort((a, b) => a.order - b.order),
  );
}

/**
 * The text of each file of src/emoji/generated/.
 *
 * @param load - gives the dataset of a language ("en", "zh").
 */
export function makeData(load) {
  const english = listed(load("en"));
  const chinese = new Map(load("zh").map((each) => [each.hexcode, each]));
  const groups = GROUPS.map(([group, name]) => {
    const emoji = english.filter((each) => each.group === group);
    return `  ${name}: ${JSON.stringify(emoji.map((each) => plain(each.emoji) + (takesTone(each) ? "+" : "")).join(" "))},`;
  });
  const head =
    "// Made by scripts/emoji.mjs from emojibase-data (MIT, © Miles Johnson). Do not change it here.\n";
  const words = (all, rules) =>
    `${head}export const words =\n  ${JSON.stringify(all.map((each) => wordsOf(each, rules)).join("\n"))};\n`;
  return {
    "emoji.ts": `${head}/** Emoji of each group; "+": it takes a skin tone. */\nexport const emoji = {\n${groups.join("\n")}\n} as const;\n`,
    "words-en.ts": words(english, ENGLISH),
    "words-zh.ts": words(
      english.map((each) => chinese.get(each.hexcode) ?? each),
      CHINESE,
    ),
  };
}

/** Reads the dataset of a language from the installed package. */
export function loadDataset(language) {
  const path = createRequire(import.meta.url).resolve(`emojibase-data/${language}/data.json`);
  return JSON.parse(readFileSync(path, "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(makeData(loadDataset))) {
    writeFileSync(new URL(`../src/emoji/generated/${name}`, import.meta.url), text);
  }
}

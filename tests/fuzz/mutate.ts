/** Longer inputs find little more and take long. */
const maxLength = 16 * 1024;

/** Texts that parsers, encoders and line splitters often get wrong. */
const trickyTexts = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "\ud800",
  "\udc00",
  "\\ud800",
  "\\u0000",
  "\u0000",
  "\u0085",
  "\u2028",
  "\u2029",
  "\r\n",
  "\n\n",
  "\r",
  "\ufeff",
  "\u202e",
  "1e999",
  "-0",
  "9007199254740993",
  "-1",
  "0.1",
  "null",
  "true",
  "[]",
  "{}",
  '""',
  '"',
  "\\",
  ",",
  ":",
  "%00",
  "%",
  "~",
  "@",
  "#",
  "$",
  "*",
  "é",
  "😀",
];

export type Random = () => number;

export interface Material {
  readonly words: readonly string[];
  /** Other inputs, to take parts from. */
  readonly corpus: readonly string[];
}

/** Changes an input in one to four places. */
export function mutate(input: string, { words, corpus }: Material, random: Random): string {
  const below = (count: number) => Math.floor(random() * count);
  const one = <T>(items: readonly T[], otherwise: T): T => items[below(items.length)] ?? otherwise;
  const change = (text: string): string => {
    const from = below(text.length + 1);
    const to = Math.min(text.length, from + below(random() < 0.8 ? 8 : text.length + 1));
    const [before, part, after] = [text.slice(0, from), text.slice(from, to), text.slice(to)];
    switch (below(8)) {
      case 0:
        return before + after;
      case 1:
        return before + part + part + after;
      case 2:
        return before + one(trickyTexts, "") + after;
      case 3:
        return before + one(words, "") + after;
      case 4:
        return before + String.fromCharCode(below(random() < 0.7 ? 128 : 65_536)) + after;
      case 5: {
        const other = one(corpus, "");
        return before + other.slice(below(other.length + 1)) + (random() < 0.5 ? after : "");
      }
      case 6:
        return before + (part === "" ? one(trickyTexts, "") : part).repeat(1 + below(random() < 0.9 ? 4 : 300)) + after;
      default:
        return before + after.slice(0, below(after.length + 1));
    }
  };
  let text = input;
  for (let count = 1 + below(4); count > 0; count--) text = change(text);
  return text.slice(0, maxLength);
}

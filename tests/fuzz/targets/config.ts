import { parseDotenv } from "../../../server/config/dotenv.ts";
import { examineSettings } from "../../../server/config/load.ts";
import { type FuzzTarget, kindOf, must } from "../target.ts";

const files = ["fanfare.config.yaml", "fanfare.config.json", "fanfare.config.toml"] as const;

/** Settings files. The first character chooses the format. */
export function configTarget(): FuzzTarget {
  return {
    name: "config",
    seeds: [
      '0port: 9000\nchannels: [{ match: "room:*", history_size: 5, subscribe: hook, presence: on }]\n',
      "0schedules:\n  - { id: daily, publish: { channel: all, message: Hello }, cron: '0 9 * * *', tz: Europe/Berlin }\n",
      '1{"history_ttl":"5m","api_key":["5f3a9c1e7b2d4068"],"x-note":1}',
      '2port = 9000\n[[channels]]\nmatch = "a"\npublish = "nobody"\n',
    ],
    words: [
      "channels",
      "schedules",
      "match",
      ": ",
      "- ",
      "port",
      "&a",
      "*a",
      "!!js",
      "<<: ",
      "[[",
      "]]",
      "=",
      "'",
      "|\n",
      "cron",
    ],
    run(input) {
      const file = files[Number(input[0] ?? 0) % files.length] ?? files[0];
      const readText = (path: string) => (path === file ? input.slice(1) : undefined);
      const { problems, warnings } = examineSettings({ env: {}, flags: new Map(), configPath: undefined, readText });
      for (const sentence of [...problems, ...warnings])
        must(sentence.length > 0 && sentence.length < 4000, "a problem is a sentence");
      must(Object.getPrototypeOf({}) === Object.prototype && !("polluted" in {}), "no prototype is changed");
      // The name of a setting is what the input says.
      const [first = "valid"] = [...problems, ...warnings].map((it) =>
        it.replace(/^.*?(?= in fanfare\.)|(?<=\]\.)[^ ]*(?=: )/s, "…"),
      );
      return `${file}: ${kindOf(first)
        .replaceAll(/[^A-Za-z .:…]+/g, "")
        .slice(0, 44)}`;
    },
  };
}

/** `.env` files. */
export function dotenvTarget(): FuzzTarget {
  return {
    name: "dotenv",
    seeds: ["PORT=9000\n", "INTERVAL = 5", 'A="a\\nb" # c', "export B='x'\r\nC=\n", 'JWT_PUBLIC_KEY="a\nb"'],
    words: ["export ", "=", "#", '"', "'", "\n", "A=", "\\n"],
    run(input) {
      const { values, problems } = parseDotenv(input);
      for (const name of values.keys()) must(/^[A-Za-z_]\w*$/.test(name), `names are words: ${JSON.stringify(name)}`);
      return `${Math.min(values.size, 3)} values, ${kindOf(problems[0]?.replace(/(?<=value of )\S+/, "…") ?? "valid")}`;
    },
  };
}

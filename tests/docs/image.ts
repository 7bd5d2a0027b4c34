import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./page.ts";

/** The last stage of the Dockerfile. */
export interface ImagePlan {
  /** Paths that are copied from the checkout, and their destinations. */
  readonly copies: readonly { readonly source: string; readonly target: string }[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  /** ENTRYPOINT followed by CMD. */
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
}

export function readImagePlan(): ImagePlan {
  const stages = readFileSync(join(root, "Dockerfile"), "utf8").split(/^FROM /m);
  const lines = (stages.at(-1) ?? "").split("\n");
  const after = (word: string) =>
    lines.filter((it) => it.startsWith(`${word} `)).map((it) => it.slice(word.length + 1));
  const list = (text = "[]") => JSON.parse(text.slice(text.indexOf("["))) as string[];
  return {
    copies: after("COPY")
      .filter((it) => !it.startsWith("--from"))
      .flatMap((it) => {
        const words = it.split(" ");
        const target = words.pop() ?? "";
        return words.map((source) => ({ source, target: target === "./" ? source : target }));
      }),
    env: Object.fromEntries(
      after("ENV").flatMap((it) => it.split(" ").map((pair) => pair.split("=") as [string, string])),
    ),
    user: after("USER").at(-1) ?? "root",
    command: [...list(after("ENTRYPOINT").at(-1)), ...list(after("CMD").at(-1))],
    healthCheck: list(after("HEALTHCHECK").at(-1)),
  };
}

/** Makes a directory with the contents of the image: the copied files, and the packages that are not for development. */
export class ImageFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "fanfare-image-"));

  constructor({ copies }: ImagePlan) {
    const isForTests = (path: string) => /\.test\.tsx?$/.test(path);
    for (const { source, target } of copies) {
      cpSync(join(root, source), join(this.path, target), { recursive: true, filter: (path) => !isForTests(path) });
    }
    for (const name of runtimePackages()) {
      const target = join(this.path, name);
      mkdirSync(dirname(target), { recursive: true });
      symlinkSync(join(root, name), target);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** The packages that `npm ci --omit=dev` installs on this machine, such as `node_modules/hono`. */
export function runtimePackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path.lastIndexOf("node_modules/") === 0 && !dev && !devOptional)
    .map(([path]) => path)
    .filter((path) => existsSync(join(root, path)));
}

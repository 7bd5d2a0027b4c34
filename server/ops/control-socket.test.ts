import { afterEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { testIf } from "../../tests/test-if.ts";
import { socketFolder } from "../lib/link/socket-path.ts";
import { clearLeftovers, openControlSocket } from "./control-socket.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(socketFolder(), "fanfare-test-"));
  folders.push(folder);
  return folder;
}

const uid = process.getuid?.();
const listen = (path: string) => Bun.listen({ unix: path, socket: { data: () => undefined } });

/** Leaves a socket without a listener, as a killed process does. */
function leaveSocket(path: string): void {
  const code = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, "SIGKILL")`;
  Bun.spawnSync([process.execPath, "-e", code]);
}

describe("a control socket", () => {
  test("is accessible only to its user from the start", async () => {
    const path = join(makeFolder(), "socket");
    const umask = process.umask(0);
    let listener: ReturnType<typeof listen> | undefined;
    const modes: number[] = [];
    await openControlSocket(path, () => {
      listener = listen(path);
      modes.push(statSync(path).mode & 0o777);
    });
    expect(modes).toEqual([0o600]);
    expect(process.umask(umask)).toBe(0);
    listener?.stop(true);
  });

  test("replaces one without a listener", async () => {
    const path = join(makeFolder(), "socket");
    leaveSocket(path);
    expect(existsSync(path)).toBe(true);
    let listener: ReturnType<typeof listen> | undefined;
    const leave = await openControlSocket(path, () => {
      listener = listen(path);
    });
    expect(listener).toBeDefined();
    listener?.stop(true);
    leave();
    leave();
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ["a file", (path: string) => writeFileSync(path, "someone's notes")],
    ["a directory", (path: string) => mkdirSync(path)],
    ["a link", (path: string) => symlinkSync("elsewhere", path)],
  ])("does not replace %s", async (_, make) => {
    const path = join(makeFolder(), "socket");
    make(path);
    const before = lstatSync(path);
    let calls = 0;
    await expect(openControlSocket(path, () => calls++)).rejects.toThrow(
      `${path} exists and is not a socket of this user: remove it`,
    );
    expect([calls, lstatSync(path).ino]).toEqual([0, before.ino]);
  });

  test("does not replace one on which a server listens", async () => {
    const path = join(makeFolder(), "socket");
    const living = listen(path);
    let calls = 0;
    await expect(openControlSocket(path, () => calls++)).rejects.toThrow("another server");
    expect([calls, existsSync(path)]).toEqual([0, true]);
    living.stop(true);
  });

  test("does not remove one that another server has replaced by then", async () => {
    const path = join(makeFolder(), "socket");
    let own: ReturnType<typeof listen> | undefined;
    const leave = await openControlSocket(path, () => {
      own = listen(path);
    });
    rmSync(path);
    const other = listen(path);
    leave();
    expect(existsSync(path)).toBe(true);
    own?.stop(true);
    other.stop(true);
  });
});

describe("the leftovers of killed servers", () => {
  test("are removed: their control sockets, and the directories of their workers", async () => {
    const folder = makeFolder();
    leaveSocket(join(folder, `fanfare-${uid}-8000.sock`));
    mkdirSync(join(folder, "fanfare-abcXY1"));
    leaveSocket(join(folder, "fanfare-abcXY1", "socket"));
    writeFileSync(join(folder, "fanfare-abcXY1", "cluster"), "");
    await clearLeftovers(folder);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("include nothing that is alive, belongs to another user, or has only a similar name", async () => {
    const folder = makeFolder();
    const living = listen(join(folder, `fanfare-${uid}-8001.sock`));
    mkdirSync(join(folder, "fanfare-living"));
    const workers = listen(join(folder, "fanfare-living", "socket"));
    mkdirSync(join(folder, "fanfare-newone")); // Its server is about to listen.
    leaveSocket(join(folder, "fanfare-99999-8000.sock"));
    writeFileSync(join(folder, `fanfare-${uid}-8002.sock`), "a file");
    leaveSocket(join(folder, "other"));
    symlinkSync(join(folder, "other"), join(folder, `fanfare-${uid}-8003.sock`));
    const before = readdirSync(folder).toSorted();
    await clearLeftovers(folder);
    expect(readdirSync(folder).toSorted()).toEqual(before);
    living.stop(true);
    workers.stop(true);
  });

  testIf(process.platform === "linux", "it needs /proc/net/unix")(
    "do not include the socket of a suspended server with a full queue",
    async () => {
      const folder = makeFolder();
      const path = join(folder, `fanfare-${uid}-8000.sock`);
      const code = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); console.log("up")`;
      await using child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", killSignal: "SIGKILL" });
      await child.stdout.getReader().read();
      child.kill("SIGSTOP");
      const connect = () =>
        Bun.connect({ unix: path, socket: { data: () => undefined, connectError: () => undefined } });
      const waiting: Awaited<ReturnType<typeof connect>>[] = [];
      let isFull = false;
      while (!isFull) {
        await connect().then(
          (socket) => waiting.push(socket),
          () => {
            isFull = true;
          },
        );
      }
      await clearLeftovers(folder);
      expect(existsSync(path)).toBe(true);
      child.kill("SIGKILL");
      await child.exited;
      for (const socket of waiting) socket.terminate();
      await clearLeftovers(folder);
      expect(existsSync(path)).toBe(false);
    },
  );

  test("are ignored if the folder cannot be read", async () => {
    await expect(clearLeftovers(join(makeFolder(), "nowhere"))).resolves.toBeUndefined();
  });
});

import { childEnv } from "../child-env.ts";
import { allocatedBytes, countingEnv } from "./collections.ts";

/**
 * Runs a program of this folder that publishes so many times, and marks the begin and the end.
 * @param args the number of publications, and others of the program
 * @returns the bytes that it allocated per publication
 * @throws Error if the program fails
 */
export async function bytesPerPublication(program: string, ...args: readonly [number, ...number[]]): Promise<number> {
  const child = Bun.spawn([process.execPath, "--no-env-file", `${import.meta.dir}/${program}`, ...args.map(String)], {
    env: childEnv(countingEnv),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [log, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`${program} exited with code ${code}: ${log.slice(-2000)}`);
  return allocatedBytes(log) / args[0];
}

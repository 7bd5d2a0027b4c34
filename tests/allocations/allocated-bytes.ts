/** The collector's log: the heap's size before and after each collection, in KiB. */
const startOrEnd = /START M (\d+)kb =>|=> (\d+)kb, p=/g;

/** Written between the parts of the log that belong to the start and to the publications. */
export const beginMark = "\nthe publications begin\n";

/**
 * Runs publishing-process.ts and sums up what grew between its garbage collections: the bytes that it allocated, whether they
 * were kept or not. With a collector that runs on one thread and in no other time, and a compiler that does not run beside the
 * program, the sum is the same within 1 %: code that is compiled late allocates more.
 * @throws Error if the process failed, or the collector wrote nothing
 */
export async function allocatedBytesPerPublication(publications: number, members: number): Promise<number> {
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", `${import.meta.dir}/publishing-process.ts`, `${publications}`, `${members}`],
    {
      env: {
        BUN_JSC_logGC: "1",
        BUN_JSC_useConcurrentGC: "0",
        BUN_JSC_numberOfGCMarkers: "1",
        BUN_JSC_useConcurrentJIT: "0",
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const [log, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`the publishing process exited with code ${code}: ${log.slice(-2000)}`);
  let allocatedKib = 0;
  let afterKib: number | undefined;
  let collections = 0;
  for (const [, before, after] of (log.split(beginMark)[1] ?? "").matchAll(startOrEnd)) {
    if (after !== undefined) afterKib = Number(after);
    else if (afterKib !== undefined) {
      allocatedKib += Number(before) - afterKib;
      collections++;
    }
  }
  if (collections < 3)
    throw new Error(`expected the log of at least 3 collections, got ${collections}: has it a new format?`);
  return (allocatedKib * 1024) / publications;
}

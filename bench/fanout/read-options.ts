/**
 * Parses the arguments of a bench. `--help` prints the list of options, and so does a wrong option, as an error. Either way the
 * process exits.
 */
export function readOptions<T>(
  parse: (argv: readonly string[]) => T,
  usage: string,
  argv: readonly string[] = process.argv.slice(2),
): T {
  if (argv.includes("--help") || argv.includes("-h")) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parse(argv);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(1);
  }
}

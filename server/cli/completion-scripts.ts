import type { Command, Option } from "commander";

/** A command and its path, such as `token create`. The path of the program itself is empty. */
interface CommandPath {
  readonly path: string;
  readonly command: Command;
}

/** The bash script. It finds the current command from the words before the cursor. */
export function bashCompletion(program: Command): string {
  const places = placesOf(program);
  const steps = places
    .filter(({ path }) => path !== "")
    .map(({ path }) => pattern(path.includes(" ") ? path : ` ${path}`));
  const options = [...new Map(places.flatMap((it) => flagsOf(it)).map((it) => [it.long ?? "", it])).values()];
  const answers = [...Map.groupBy(options, wordsOf)].filter(([words]) => words !== "");
  const files = options.filter(takesPath).map(({ long }) => long);
  return `# Completion of fanfare. Made by \`fanfare completion bash\`.
_fanfare() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="" it
  for it in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $it" in
      ${steps.join("|")}) path="\${path:+$path }$it" ;;
    esac
  done
  case "$before" in
${answers.map(([words, flags]) => `    ${flags.map(({ long }) => long).join("|")}) COMPREPLY=($(compgen -W "${words}" -- "$word")); return ;;`).join("\n")}
    ${files.join("|")}) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case "$path" in
${places.map((it) => `    ${pattern(it.path)}) COMPREPLY=($(compgen -W "${candidates(it, program).join(" ")}" -- "$word")) ;;`).join("\n")}
  esac
}
complete -F _fanfare fanfare
`;
}

/** The zsh script: the bash script, run through bashcompinit. */
export function zshCompletion(program: Command): string {
  return `autoload -Uz compinit bashcompinit && compinit && bashcompinit\n${bashCompletion(program)}`;
}

/** The fish script, which also shows descriptions. */
export function fishCompletion(program: Command): string {
  const lines = placesOf(program).flatMap((place) => {
    const condition = conditionOf(place);
    const commands = place.command.commands.map(
      (it) => `complete -c fanfare -f -n ${condition} -a ${it.name()} -d ${quoted(it.description())}`,
    );
    const flags = flagsOf(place).map((option) => {
      const words = wordsOf(option);
      const values =
        words !== "" ? ` -x -a ${quoted(words)}` : takesPath(option) ? " -r -F" : option.required ? " -x" : "";
      const name = (option.long ?? "").slice(2);
      return `complete -c fanfare -n ${condition} -l ${name}${values} -d ${quoted(firstSentence(option.description))}`;
    });
    return [...commands, ...flags];
  });
  return `# Completion of fanfare. Made by \`fanfare completion fish\`.\n${lines.join("\n")}\n`;
}

function placesOf(command: Command, path = ""): CommandPath[] {
  const below = command.commands.flatMap((it) => placesOf(it, path === "" ? it.name() : `${path} ${it.name()}`));
  return [{ path, command }, ...below];
}

function flagsOf({ command }: CommandPath): Option[] {
  return command.options.filter(({ hidden, long }) => !hidden && typeof long === "string");
}

/** The words that can follow a command. Without a command, that includes the flags of `start`. */
function candidates(place: CommandPath, program: Command): string[] {
  const { path, command } = place;
  const words = command.commands.map((it) => it.name());
  const start = program.commands.find((it) => it.name() === "start");
  const places = path === "" && start !== undefined ? [place, { path: "start", command: start }] : [place];
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  return [...words, ...choices, ...places.flatMap(flagsOf).map(({ long }) => String(long)), "--help"];
}

/** The values of a flag, taken from its definition: `[on|off]`. */
function wordsOf(option: Option): string {
  return /[<[](\w+(?:\|\w+)+)[>\]]/.exec(option.flags)?.[1]?.replaceAll("|", " ") ?? "";
}

function takesPath(option: Option): boolean {
  return /<(path|folder)>/.test(option.flags);
}

function conditionOf({ path }: CommandPath): string {
  const [command, verb] = path.split(" ");
  if (command === undefined || command === "") return "__fish_use_subcommand";
  const seen = `__fish_seen_subcommand_from ${command}`;
  return quoted(verb === undefined ? seen : `${seen}; and __fish_seen_subcommand_from ${verb}`);
}

function firstSentence(text: string): string {
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0] ?? text;
}

function pattern(path: string): string {
  return `"${path}"`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

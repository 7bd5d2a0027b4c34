import { ServiceError } from "../../../protocol/errors.ts";
import type { Archive } from "./archive.ts";
import { openHistory } from "./open-history.ts";
import { toStorageError } from "./storage-error.ts";
import type { Answer, AppendRequest, Reply, Request } from "./thread-messages.ts";

declare const self: Worker;

/** The thread of a durable log, so that waiting for the disk does not block the server. Started by history-thread.ts. */
let directory = "";
let archive: Archive | undefined;

self.onmessage = ({ data }: MessageEvent<readonly Request[]>) => {
  const answers = answerAll(data);
  const reply: Reply = { answers, notes: archive?.takeNotes() ?? [] };
  self.postMessage(reply);
};

/** Consecutive appends share a transaction. */
function answerAll(requests: readonly Request[]): readonly Answer[] {
  const answers: Answer[] = [];
  let appends: AppendRequest[] = [];
  const flush = () => {
    const together = appends;
    appends = [];
    if (together.length > 0) answers.push(...attempt(() => append(together), together.length));
  };
  for (const request of requests) {
    if (request.verb === "append") {
      appends.push(request);
      continue;
    }
    flush();
    answers.push(...attempt(() => [answer(request)], 1));
  }
  flush();
  return answers;
}

function append(requests: readonly AppendRequest[]): readonly Answer[] {
  const now = requests.at(-1)?.now ?? 0;
  return opened()
    .append(requests, now)
    .map((placed) => ({ verb: "appended", placed }));
}

function answer(request: Exclude<Request, AppendRequest>): Answer {
  switch (request.verb) {
    case "open": {
      directory = request.directory;
      archive = openHistory(directory, request.limits, request);
      return { verb: "opened", channelRules: archive.channelRules(request.now) };
    }
    case "channelRules":
      return { verb: "channelRules", channelRules: opened().channelRules(request.now) };
    case "setRules": {
      opened().setRules(request.rules, request.now);
      return { verb: "done", isDone: true };
    }
    case "read":
      return { verb: "read", ...opened().read(request.channel, request.since, request.options, request.now) };
    case "tops":
      return { verb: "tops", tops: opened().tops(request.channels, request.now, request.options) };
    case "summary":
      return { verb: "summary", summary: opened().summary(request.channel, request.now) };
    case "list":
      return { verb: "list", summaries: opened().list(request.prefix, request.after, request.limit, request.now) };
    case "sweep":
      return { verb: "done", isDone: opened().sweep(request.now, request.wall) };
    case "close": {
      const closing = archive;
      archive = undefined;
      closing?.close(request.now, request.wall);
      return { verb: "done", isDone: true };
    }
  }
}

function opened(): Archive {
  if (archive === undefined) throw new Error("the history is not open");
  return archive;
}

/** @returns `count` answers even after an error, because each request waits for its answer. */
function attempt(run: () => readonly Answer[], count: number): readonly Answer[] {
  try {
    return run();
  } catch (error) {
    return Array.from({ length: count }, () => failure(error));
  }
}

function failure(error: unknown): Answer {
  if (error instanceof ServiceError) return { verb: "refused", code: error.code, message: error.message };
  const { fault, message, cause } = toStorageError(error, directory);
  return { verb: "failed", fault, message, cause: cause instanceof Error ? (cause.stack ?? cause.message) : "" };
}

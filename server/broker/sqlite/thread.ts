import { ServiceError } from "../../../protocol/errors.ts";
import { Archive } from "./archive.ts";
import { HistoryFile } from "./history-file.ts";
import { openDatabase } from "./open-database.ts";
import { toStorageError } from "./storage-error.ts";
import type { Answer, AppendRequest, Request } from "./thread-messages.ts";

declare const self: Worker;

/** The thread that a durable log stores in: waiting for the disk holds up nobody else. Started by history-thread.ts. */
let directory = "";
let archive: Archive | undefined;

self.onmessage = ({ data }: MessageEvent<readonly Request[]>) => {
  self.postMessage(answerAll(data));
};

/** Appends that follow on each other share a transaction. */
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
      archive = open(request);
      return { verb: "done", isDone: true };
    }
    case "read":
      return { verb: "read", ...opened().read(request.channel, request.since, request.bounds, request.now) };
    case "tops":
      return { verb: "tops", tops: opened().tops(request.channels, request.now, request.seen) };
    case "summary":
      return { verb: "summary", summary: opened().summary(request.channel, request.now) };
    case "list":
      return { verb: "list", summaries: opened().list(request.prefix, request.after, request.limit, request.now) };
    case "sweep":
      return { verb: "done", isDone: opened().sweep(request.now) };
    case "close": {
      const closing = archive;
      archive = undefined;
      closing?.close(request.now);
      return { verb: "done", isDone: true };
    }
  }
}

function open({ limits, now }: Extract<Request, { verb: "open" }>): Archive {
  const file = new HistoryFile(openDatabase(directory));
  try {
    return new Archive(file, limits, now);
  } catch (error) {
    file.close();
    throw error;
  }
}

function opened(): Archive {
  if (archive === undefined) throw new Error("the history is not open");
  return archive;
}

/** @returns as many answers as were asked for, whatever happens: who asks waits for them. */
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

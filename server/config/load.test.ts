import { describe, expect, test } from "bun:test";
import { examineSettings, loadSettings } from "./load.ts";
import { ConfigError } from "./settings.ts";
import type { ConfigInputs } from "./sources.ts";

/** The sources in a test. Everything omitted is empty. */
interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, string | true>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly configPath?: string;
}

function inputs({ env = {}, flags = {}, files = {}, configPath }: Given): ConfigInputs {
  const readText = (path: string) => files[path];
  return { env, flags: new Map(Object.entries(flags)), configPath, readText };
}

const load = (given: Given) => loadSettings(inputs(given));
const problemsOf = (given: Given) => examineSettings(inputs(given)).problems;

const key = "5f3a9c1e7b2d4068";
const secret = "a secret of more than 32 bytes, for tests";

describe("the order of sources", () => {
  const everywhere = {
    files: { "fanfare.config.yaml": "port: 9001\nws_path: /file\nchat: off\n", ".env": "PORT=9002\nWS_PATH=/dotenv\n" },
    env: { PORT: "9003" },
  };

  test("is default < file < .env < environment < flag", () => {
    const { settings, origins } = load({ ...everywhere, flags: { "--host": "::1" } });
    expect(settings).toMatchObject({ host: "::1", port: 9003, wsPath: "/dotenv", chat: false, ssePath: "/sse/push" });
    expect(["host", "port", "wsPath", "chat", "ssePath"].map((it) => origins.get(it)?.written)).toEqual([
      "--host",
      "PORT",
      "WS_PATH in .env",
      "chat in fanfare.config.yaml",
      undefined,
    ]);
  });

  test("a flag overrides everything else", () => {
    expect(load({ ...everywhere, flags: { "--port": "9004" } }).settings.port).toBe(9004);
  });

  test("an alias in a stronger source overrides the name in a weaker one", () => {
    const files = { ".env": "NOTIFICATION_INTERVAL=7" };
    expect(load({ files, env: { INTERVAL: "5" } }).settings.notificationIntervalMs).toBe(5000);
  });
});

describe("names of settings", () => {
  test.each([
    ["INTERVAL", "notificationIntervalMs", "5", 5000],
    ["TIMEOUT", "shutdownTimeoutMs", "60", 60_000],
  ] as const)("%s is another name", (alias, name, written, value) => {
    expect(load({ env: { [alias]: written } }).settings[name]).toBe(value);
    expect(load({ flags: { [`--${alias.toLowerCase()}`]: written } }).settings[name]).toBe(value);
    expect(load({ files: { ".env": `${alias} = ${written}` } }).settings[name]).toBe(value);
    const yaml = { "fanfare.config.yaml": `${alias.toLowerCase()}: ${written}` };
    expect(load({ files: yaml }).settings[name]).toBe(value);
  });

  test("two of one setting must agree, however each is written", () => {
    expect(load({ env: { INTERVAL: "60", NOTIFICATION_INTERVAL: "1m" } }).settings.notificationIntervalMs).toBe(60_000);
    expect(problemsOf({ env: { INTERVAL: "60", NOTIFICATION_INTERVAL: "5" } })).toEqual([
      "NOTIFICATION_INTERVAL and INTERVAL are the same setting with different values: keep one",
    ]);
  });

  test.each([
    [{ files: { "fanfare.config.yaml": "histry_size: 5" } }, /^histry_size in .*yaml: .*did you mean history_size\?$/],
    [{ files: { "fanfare.config.yaml": "quite_else: 5" } }, /^quite_else in .*yaml: unknown setting$/],
    [{ flags: { "--prot": "5" } }, /^--prot: .*did you mean --port\?$/],
  ])("that are unknown are an error that suggests the nearest one", (given, problem) => {
    expect(problemsOf(given)).toEqual([expect.stringMatching(problem)]);
  });

  test("that look like a typo in .env are a warning, since other programs use .env too", () => {
    const { warnings } = load({ files: { ".env": "POTR=5\nDATABASE_PASSWORD=x" } });
    expect(warnings).toEqual(["POTR in .env is not a setting: did you mean PORT?"]);
  });
});

describe("a value that breaks its rule", () => {
  test.each([
    [{ PORT: "65536" }, 'PORT: expected a whole number from 0 to 65535, got "65536"'],
    [{ CHAT: "maybe" }, 'CHAT: expected on or off, got "maybe"'],
    [{ LOG_LEVEL: "loud" }, 'LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR, got "loud"'],
    [{ WS_PATH: "ws" }, 'WS_PATH: expected a path that begins with /, such as /ws, got "ws"'],
    [{ LOG_FORMAT: "{time}" }, /^LOG_FORMAT: expected json, or a template with \{message\}/],
    [{ SLOW_TIMEOUT: "999ms" }, /^SLOW_TIMEOUT: expected a time from 1s to 15m: .*, got "999ms"$/],
    [{ MAX_BODY_BYTES: "1023", MAX_MESSAGE_BYTES: "1KiB" }, /^MAX_BODY_BYTES: expected bytes from 1KiB to 64MiB/],
    [{ CORS_ORIGINS: "https://a.example/" }, /^CORS_ORIGINS: expected origins such as/],
  ])("is an error that names setting, rule and value: %j", (env, problem) => {
    const expected = typeof problem === "string" ? problem : expect.stringMatching(problem);
    expect(problemsOf({ env })).toEqual([expected]);
  });

  test.each(["SLOW_TIMEOUT", "WS_PING_INTERVAL", "WS_PING_TIMEOUT"])("%s is at most 15 minutes", (name) => {
    expect(problemsOf({ env: { [name]: "15m" } })).toEqual([]);
    expect(problemsOf({ env: { [name]: "900001ms" } })).toEqual([
      expect.stringMatching(new RegExp(`^${name}: expected a time from .* to 15m: .*, got "900001ms"$`)),
    ]);
  });

  test("is named as it was written", () => {
    expect(problemsOf({ flags: { "--port": "x" } })[0]).toStartWith("--port: ");
    expect(problemsOf({ files: { ".env": "PORT=x" } })[0]).toStartWith("PORT in .env: ");
    expect(problemsOf({ files: { "fanfare.config.json": '{"port":"x"}' } })[0]).toStartWith(
      "port in fanfare.config.json: ",
    );
  });

  test("does not hide others: all are reported at once", () => {
    const env = { PORT: "x", CHAT: "maybe" };
    expect(() => load({ env })).toThrow(ConfigError);
    expect(problemsOf({ env })).toHaveLength(2);
  });

  test("is not shown if it is a secret", () => {
    const problems = problemsOf({ env: { API_KEY: "hunter2", JWT_SECRET: "geheim" } }).join("\n");
    expect(problems).toContain("API_KEY, key 1");
    expect(problems).toContain("JWT_SECRET");
    expect(problems).not.toContain("hunter2");
    expect(problems).not.toContain("geheim");
  });

  test("on the command line is an error if it is missing", () => {
    expect(problemsOf({ flags: { "--port": true } })).toEqual([
      "--port: expected a whole number from 0 to 65535, got nothing",
    ]);
    expect(load({ flags: { "--chat": true } }).settings.chat).toBe(true);
  });
});

describe("a credential that is empty", () => {
  test.each([["API_KEY"], ["JWT_SECRET"], ["JWT_PUBLIC_KEY"], ["JWKS_URL"], ["API_KEY_FILE"]])(
    "is an error that says so: %s",
    (name) => {
      const rest = "is empty, so the server would not be secured: set a value, or remove it";
      expect(problemsOf({ env: { [name]: "" } })).toEqual([`${name} ${rest}`]);
      expect(problemsOf({ files: { ".env": `${name}=` } })).toEqual([`${name} in .env ${rest}`]);
    },
  );

  test("may also consist of commas only", () => {
    expect(problemsOf({ env: { API_KEY: " , " } })).toEqual([expect.stringContaining("is empty")]);
  });

  test.each(["JWT_ISSUER", "JWT_AUDIENCE", "ALLOWED_HOSTS", "TLS_CLIENT_CA", "CONNECT_HOOK_URL", "SUBSCRIBE_HOOK_URL"])(
    "so is a restriction: %s",
    (name) => {
      const problem = `${name} is empty, so it would restrict nobody: set a value, or remove it`;
      expect(problemsOf({ env: { [name]: " " } })).toEqual([problem]);
    },
  );

  test("a list of commas restricts nobody either", () => {
    expect(problemsOf({ env: { JWT_ISSUER: "," } })).toEqual([expect.stringContaining("JWT_ISSUER is empty")]);
  });

  test("other settings that are empty count as not set, as compose files pass them", () => {
    expect(load({ env: { PORT: "", WS_PATH: " " } }).settings).toMatchObject({ port: 8000, wsPath: "/ws" });
  });
});

describe("the settings file", () => {
  const rules = [{ match: "room:*", historySize: 5, presence: "on", publish: "token" }];

  test.each([
    [
      "fanfare.config.yaml",
      'port: 9000\nchannels:\n  - {match: "room:*", history_size: 5, presence: on, publish: token}',
    ],
    [
      "fanfare.config.json",
      '{"port":9000,"channels":[{"match":"room:*","history_size":5,"presence":true,"publish":"token"}]}',
    ],
    [
      "fanfare.config.toml",
      'port = 9000\n[[channels]]\nmatch = "room:*"\nhistory_size = 5\npresence = "on"\npublish = "token"',
    ],
  ])("is found by its name, and has rules for channels: %s", (path, text) => {
    const { settings, file } = load({ files: { [path]: text } });
    expect(settings).toMatchObject({ port: 9000, channelRules: rules });
    expect(file).toBe(path);
    expect(
      load({ files: { [path.replace("fanfare", "my")]: text }, configPath: path.replace("fanfare", "my") }).file,
    ).toBe(path.replace("fanfare", "my"));
  });

  test.each([
    [{ "fanfare.config.yaml": "a: [1\nb: 2" }, /^fanfare\.config\.yaml: .* at line 2, column 1$/],
    [{ "fanfare.config.toml": "port = 1\nport = 2" }, /^fanfare\.config\.toml: .* at line 2, column \d+$/],
    [{ "fanfare.config.json": '{"port": 1,}' }, /^fanfare\.config\.json: /],
    [{ "fanfare.config.yaml": "- port" }, /expected settings by name, such as "port: 8000"$/],
    [{ "fanfare.config.yaml": "", "fanfare.config.json": "{}" }, /^found .* and .*: keep one, or choose one/],
    [
      { "fanfare.config.yaml": "channels: [{match: a, publsh: token}]" },
      /^channels\[0\]\.publsh: did you mean publish\?/,
    ],
    [
      { "fanfare.config.yaml": "channels: [{match: a, history_size: 1000001}]" },
      /^channels\[0\]\.history_size: expected/,
    ],
    [{ "fanfare.config.yaml": "channels: [{match: '*'}, {match: a}]" }, /^channels\[1\]\.match: "a" never applies/],
  ])("that is invalid is reported with the place: %j", (files, problem) => {
    expect(problemsOf({ files })).toEqual([expect.stringMatching(problem)]);
  });

  test("is not quoted in errors", () => {
    const files = { "fanfare.config.yaml": `api_key: "${key}\nport: 1` };
    expect(problemsOf({ files }).join()).not.toContain(key);
  });

  test("given by --config must exist and have a known extension", () => {
    expect(problemsOf({ configPath: "my.yaml" })).toEqual(['--config: there is no file "my.yaml"']);
    expect(problemsOf({ configPath: "my.conf", files: { "my.conf": "" } })).toEqual([
      "my.conf: expected a file that ends in .yaml, .json or .toml",
    ]);
  });

  test("that cannot be read is one problem", () => {
    const readText = (path: string) => {
      if (path === "my.yaml") throw new Error("permission denied");
      return undefined;
    };
    const { problems } = examineSettings({ ...inputs({ configPath: "my.yaml" }), readText });
    expect(problems).toEqual(["my.yaml cannot be read: permission denied"]);
  });
});

describe("a setting from its own file", () => {
  test("is the content of the file without the line break", () => {
    const { settings, origins } = load({
      env: { API_KEY_FILE: "/key", ANONYMOUS: "on" },
      files: { "/key": `${key}\n` },
    });
    expect(settings).toMatchObject({ apiKeys: [key], isSecured: true });
    expect(origins.get("apiKeys")?.written).toBe("API_KEY_FILE");
  });

  test.each([
    [{}, 'API_KEY_FILE: there is no file "/key"'],
    [{ "/key": "\n" }, 'API_KEY_FILE: empty file "/key"'],
  ])("that has nothing is an error", (files, problem) => {
    expect(problemsOf({ env: { API_KEY_FILE: "/key" }, files })).toContain(problem);
  });

  test("and one given directly must agree", () => {
    const env = { JWT_SECRET: secret, JWT_SECRET_FILE: "/secret" };
    expect(load({ env, files: { "/secret": secret } }).settings.jwtSecret).toBe(secret);
    expect(problemsOf({ env, files: { "/secret": `${secret}2` } })).toEqual([
      "JWT_SECRET and JWT_SECRET_FILE are the same setting with different values: keep one",
    ]);
  });
});

describe("variables of other programs", () => {
  test("are ignored with a warning if Kubernetes injected them", () => {
    const { settings, warnings } = load({ env: { PORT: "tcp://10.0.0.1:80", REDIS_PORT: "tcp://10.0.0.1:6379" } });
    expect(settings).toMatchObject({ port: 8000, redisUrl: undefined });
    expect(warnings).toEqual([
      "PORT=tcp://10.0.0.1:80 was meant for another program and is ignored",
      "REDIS_PORT=tcp://10.0.0.1:6379 was meant for another program and is ignored",
    ]);
  });
});

describe("Redis", () => {
  test("is named by a URL, or by host and port", () => {
    expect(load({ env: { REDIS_HOST: "10.0.0.1" } }).settings.redisUrl).toBe("redis://10.0.0.1:6379");
    expect(load({ env: { REDIS_HOST: "::1", REDIS_PORT: "6380" } }).settings.redisUrl).toBe("redis://[::1]:6380");
    expect(load({ env: { REDIS_URL: "redis://h:1/2" } }).settings.redisUrl).toBe("redis://h:1/2");
  });

  test.each([
    [{ REDIS_URL: "redis://u:hunter2@h:99999" }, /^REDIS_URL: .*port is not from 1 to 65535/],
    [{ REDIS_URL: "http://h" }, /^REDIS_URL: expected .*redis:/],
    [{ REDIS_URL: "redis://h", DATA_DIR: "/tmp/x" }, /^DATA_DIR and REDIS_URL: history is stored in one place only/],
    [{ REDIS_URL: "redis://h", REDIS_HOST: "h" }, /^REDIS_HOST and REDIS_URL: both name a Redis server/],
    [{ REDIS_WAIT: "11" }, /^REDIS_WAIT: expected/],
  ])("%j is rejected, and the error shows no password", (env, problem) => {
    const problems = problemsOf({ env });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
    expect(problems[0]).not.toContain("hunter2");
  });

  test("settings of a store that is not used are a warning", () => {
    const { settings, warnings } = load({ env: { REDIS_PORT: "6380", REDIS_PREFIX: "a", REDIS_WAIT: "1" } });
    expect(settings.redisUrl).toBeUndefined();
    expect(warnings).toEqual(
      ["REDIS_PORT", "REDIS_PREFIX", "REDIS_WAIT"].map(
        (name) => `${name} has no effect: neither REDIS_URL nor REDIS_HOST is set`,
      ),
    );
    // The shares of clients depend on it.
    expect(load({ env: { REDIS_URL: "redis://h", HISTORY_BYTES_TOTAL: "64MiB" } }).warnings).toEqual([]);
  });
});

describe("values that depend on others", () => {
  test("the switches are on when open, off when secured, and each can be set by itself", () => {
    const open = { chat: true, notices: true, page: true, anonymous: true, trustUserId: true, isSecured: false };
    const closed = { chat: false, notices: false, page: false, anonymous: false, trustUserId: false, isSecured: true };
    expect(load({}).settings).toMatchObject({ ...open, notificationIntervalMs: 10_000 });
    expect(load({ env: { JWT_SECRET: secret } }).settings).toMatchObject({ ...closed, notificationIntervalMs: 0 });
    expect(load({ env: { JWT_SECRET: secret, CHAT: "on" } }).settings).toMatchObject({ ...closed, chat: true });
    expect(load({ env: { CHAT: "off" } }).settings).toMatchObject({ ...open, chat: false });
  });

  test("the default DRAIN_WINDOW is cut to SHUTDOWN_TIMEOUT; an explicit one that is longer is an error", () => {
    expect(load({ env: { TIMEOUT: "5" } }).settings.drainWindowMs).toBe(5000);
    expect(problemsOf({ env: { TIMEOUT: "5", DRAIN_WINDOW: "6" } })).toHaveLength(1);
  });

  test("DEBUG sets the level DEBUG, whatever LOG_LEVEL is", () => {
    expect(load({ env: { DEBUG: "on" } }).settings.logLevel).toBe("DEBUG");
    expect(load({ env: { DEBUG: "on", LOG_LEVEL: "error" } }).settings.logLevel).toBe("DEBUG");
    expect(load({ env: { DEBUG: "off", LOG_LEVEL: "error" } }).settings.logLevel).toBe("ERROR");
    expect(load({ env: { DEBUG: "express:*" } }).settings.logLevel).toBe("INFO");
  });
});

test.each([
  ["a name of a rule's field", `channels: [{ match: a, "${"y".repeat(9000)}": 1 }]`, "unknown field"],
  ["an alias of YAML", `*${"a".repeat(9000)}`, "Unresolved alias"],
])("a problem that quotes %s stays readable", (_, text, reason) => {
  const readText = (path: string) => (path === "fanfare.config.yaml" ? text : undefined);
  const [problem = ""] = examineSettings({ ...inputs({}), readText }).problems;
  expect(problem.length).toBeLessThanOrEqual(1000);
  expect(problem).toContain(reason);
});

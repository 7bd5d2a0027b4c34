import { bytes, type OptionsOf, whole } from "../lib/option.ts";

export const scheduleOptions = {
  maxSchedules: whole(100_000, "Schedules that the server keeps, finished ones included for an hour.", {
    min: 1,
    max: 1_000_000,
  }),
  scheduleBytes: bytes(128 * 1024 ** 2, "Bytes of all schedules together, with the messages that they will publish.", {
    min: 64 * 1024,
    max: 16 * 1024 ** 3,
  }),
};

export type ScheduleOptions = OptionsOf<typeof scheduleOptions>;

import {
  aboutDeleteSchedule,
  aboutGetSchedule,
  aboutListSchedules,
  aboutPauseSchedule,
  aboutPostSchedule,
  aboutPutSchedule,
  aboutResumeSchedule,
  aboutTriggerSchedule,
} from "./about/schedules.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  deleteSchedule,
  getSchedule,
  listSchedules,
  pauseSchedule,
  postSchedule,
  putSchedule,
  resumeSchedule,
  triggerSchedule,
} from "./schedules.ts";

/** The endpoints of schedules. Users' tokens are not accepted: a schedule publishes with the permissions of a key. */
export const scheduleEndpoints: readonly Endpoint[] = [
  {
    method: "POST",
    path: "/v1/schedules",
    scope: "publish",
    summary: "Create or replace a schedule.",
    about: aboutPostSchedule,
    verb: postSchedule,
  },
  {
    method: "GET",
    path: "/v1/schedules",
    scope: "read",
    summary: "List schedules.",
    about: aboutListSchedules,
    verb: listSchedules,
  },
  {
    method: "POST",
    path: "/v1/schedules/{id}/pause",
    scope: "publish",
    summary: "Pause a schedule.",
    about: aboutPauseSchedule,
    verb: pauseSchedule,
  },
  {
    method: "POST",
    path: "/v1/schedules/{id}/resume",
    scope: "publish",
    summary: "Resume a schedule.",
    about: aboutResumeSchedule,
    verb: resumeSchedule,
  },
  {
    method: "POST",
    path: "/v1/schedules/{id}/trigger",
    scope: "publish",
    summary: "Publish a schedule now.",
    about: aboutTriggerSchedule,
    verb: triggerSchedule,
  },
  {
    method: "PUT",
    path: "/v1/schedules/{id}",
    scope: "publish",
    summary: "Create or replace the schedule with this id.",
    about: aboutPutSchedule,
    verb: putSchedule,
  },
  {
    method: "GET",
    path: "/v1/schedules/{id}",
    scope: "read",
    summary: "Get a schedule.",
    about: aboutGetSchedule,
    verb: getSchedule,
  },
  {
    method: "DELETE",
    path: "/v1/schedules/{id}",
    scope: "publish",
    summary: "Delete a schedule.",
    about: aboutDeleteSchedule,
    verb: deleteSchedule,
  },
];

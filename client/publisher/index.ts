/** The client for backends: docs/publisher.md. */
export type { ErrorCode } from "../../protocol/errors.ts";
export { PublishError, type PublishErrorCode } from "./publish-error.ts";
export {
  type BatchItem,
  type BatchResult,
  createPublisher,
  type Publisher,
  type PublisherOptions,
  type PublishOptions,
  type Receipt,
} from "./publisher.ts";
export { createToken, type TokenOptions } from "./token.ts";

import { createPostgresBackend } from 'bullmq'

/**
 * BullMQ's PostgreSQL backend, without its first look at the schema: whoever opens the store has brought that up to date.
 *
 * Each of BullMQ's objects would look once, and remember for ever that it failed. When a connection broke at that moment, every
 * webhook was answered 503 from then on, or the worker asked again and again without ever leaving the thread to anybody else.
 */
export const createPatientBackend: typeof createPostgresBackend = (...given) => {
  const backend = createPostgresBackend(...given)
  backend.connection.waitUntilReady = async () => {}
  return backend
}

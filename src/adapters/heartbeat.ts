import { callOutside } from './notify-call.ts'

/** Calls HEARTBEAT_URL, once; throws when the call was not taken. Never sends anything about us. */
export function createPing(url: string, timeoutMs = 10_000): () => Promise<void> {
  return () => callOutside({ name: 'HEARTBEAT_URL', url, method: 'GET', timeoutMs })
}

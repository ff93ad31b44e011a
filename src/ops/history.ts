import { randomUUID } from 'node:crypto'
import type { HistoryEntry } from '../core/history.ts'

/** The put of one entry of the history, which is forgotten after `keepMs`; ids rise with time. */
export function historyOf(entry: Omit<HistoryEntry, 'at'>, at: Date, keepMs: number) {
  const id = `${at.toISOString()}.${randomUUID().slice(0, 8)}`
  const expires = new Date(at.getTime() + keepMs)
  return { collection: 'history' as const, id, doc: { at: at.toISOString(), ...entry }, expires }
}

import type { Pause } from '../pipeline/pause.ts'
import { relative } from './table.ts'
import { plain, type Terminal } from './terminal.ts'

/** The page, under a line about the pause where there is one. */
export function underPause(answer: object, page: string, { paint, now }: Pick<Terminal, 'paint' | 'now'>): string {
  const { paused } = answer as { readonly paused?: Pause | null }
  if (!paused) return page
  const end = paused.until === null ? 'until `portcullis resume`' : `ends ${relative(paused.until, now())}`
  const why = paused.reason === '' ? '' : ` (${paused.reason})`
  return `${paint('yellow', plain(`PAUSED by ${paused.by}${why}, ${end}: alerts wait, nothing new is banned by them`))}\n\n${page}`
}

import { deepEqual, ok } from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { REFUSALS } from '../src/core/guards.ts'

const page = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8')
const explained = new Set([...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, word = '']) => word))

describe('docs/operations.md', () => {
  it('explains every refusal', () => none(REFUSALS))

  it('explains every outcome', () => none(wordsOf('src/core/outcome.ts', /^export type Outcome = (.*)$/m)))

  it('explains every state of an edge', () => {
    const states = globSync('src/{core,pipeline}/**/*.ts').flatMap((file) => wordsOf(file, WHOLE, /'(edge-[a-z-]+)'/g))
    // A list that is full is an edge that is full.
    const troubles = wordsOf('src/ports-list.ts', /^export type ListTrouble = (.*)$/m)
      .filter((word) => word !== 'list-full')
      .map((word) => `edge-${word}`)
    none([...states, ...troubles])
  })
})

const WHOLE = /(.*)/s

function wordsOf(file: string, part: RegExp, word = /'([a-z-]+)'/g): string[] {
  const [, text = ''] = part.exec(readFileSync(file, 'utf8')) ?? []
  return [...text.matchAll(word)].map(([, found = '']) => found)
}

function none(words: readonly string[]): void {
  // `blocked` needs no line: it is what is wanted.
  const unexplained = words.filter((word) => word !== 'blocked' && !explained.has(word))
  ok(words.length > 3)
  deepEqual([...new Set(unexplained)], [])
}

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'

/** Something that takes hostile input, and what is claimed of it whatever comes. */
export interface Target<Input> {
  /** Names its findings. */
  readonly name: string
  /** Inputs are JSON, so that a finding can be kept. */
  readonly inputs: fc.Arbitrary<Input>
  /** Rejects where the claim does not hold. */
  holds(input: Input): Promise<void>
}

/** A finding as it is kept in test/fixtures/fuzz. */
export interface Finding {
  readonly target: string
  /** What went wrong when it was found. */
  readonly found: string
  readonly input: unknown
}

/** Cases of all targets together, unless FUZZ_RUNS says otherwise. */
const CASES = 20_000
// The same cases in every gate; FUZZ_SEED=new looks for others.
const USUAL_SEED = 20_261
const FOLDER = new URL('../fixtures/fuzz/', import.meta.url)

const asked = process.env.FUZZ_SEED ?? String(USUAL_SEED)
/** Where all chance comes from: printed with every run, and repeated by FUZZ_SEED. */
export const SEED = asked === 'new' ? Date.now() % 2 ** 31 : Number(asked)

/**
 * Runs a target on `cases` of the 20,000 inputs of a gate, or on as large a part of FUZZ_RUNS. What breaks the claim is made as
 * small as it can be, kept as a fixture, and fails the test.
 */
export async function fuzz<Input>(
  t: { diagnostic(message: string): void },
  target: Target<Input>,
  cases: number,
): Promise<void> {
  const numRuns = Math.max(1, Math.round((cases * Number(process.env.FUZZ_RUNS ?? CASES)) / CASES))
  const begun = performance.now()
  const property = fc.asyncProperty(target.inputs, (input) => target.holds(input))
  const result = await fc.check(property, { numRuns, seed: SEED })
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  t.diagnostic(`${target.name}: ${result.numRuns} cases in ${seconds} s, FUZZ_SEED=${SEED}`)
  if (!result.failed) return
  const found = messageIn(result.errorInstance)
  const file = keep({ target: target.name, found, input: result.counterexample?.[0] })
  throw new Error(`${target.name} (FUZZ_SEED=${SEED}): ${found}\nKept as ${file}`, { cause: result.errorInstance })
}

/** What earlier runs found. */
export function findings(): { readonly file: string; readonly finding: Finding }[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
  return files.sort().map((file) => ({ file, finding: JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) }))
}

function keep(finding: Finding): string {
  const text = `${JSON.stringify(finding, null, 2)}\n`
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8)
  const name = `${finding.target.replaceAll(' ', '-')}-${hash}.json`
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(new URL(name, FOLDER), text)
  return `test/fixtures/fuzz/${name}`
}

function messageIn(error: unknown): string {
  // Its other lines may be a stack, with folders of this machine.
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return (message.split('\n', 1)[0] ?? '').slice(0, 300)
}

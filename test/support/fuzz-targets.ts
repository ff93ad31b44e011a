import { playbookTarget } from './fuzz-playbook.ts'
import type { Target } from './fuzz-run.ts'
import { webhookTarget } from './fuzz-webhook.ts'

interface Open {
  readonly target: Target<unknown>
  close(): Promise<void>
}

/** Everything that is fuzzed, by the name under which its findings are kept. */
export const TARGETS: Readonly<Record<string, () => Promise<Open>>> = {
  'webhook bodies': open(webhookTarget),
  'playbook files': open(playbookTarget),
}

function open<Input>(make: () => Made<Input> | Promise<Made<Input>>): () => Promise<Open> {
  return async () => (await make()) as unknown as Open
}

interface Made<Input> {
  readonly target: Target<Input>
  close(): Promise<void>
}

import { cloudflareTarget } from './fuzz-cloudflare.ts'
import { elasticTarget } from './fuzz-elastic.ts'
import { opsTarget } from './fuzz-ops.ts'
import { playbookTarget } from './fuzz-playbook.ts'
import type { Target } from './fuzz-run.ts'
import { settleTarget } from './fuzz-settle.ts'
import { webhookTarget } from './fuzz-webhook.ts'
import { wireTarget } from './fuzz-wire.ts'

interface Open {
  readonly target: Target<unknown>
  close(): Promise<void>
}

/** Everything that is fuzzed, by the name under which its findings are kept. */
export const TARGETS: Readonly<Record<string, () => Promise<Open>>> = {
  'webhook bodies': open(webhookTarget),
  'bytes on the wire': open(wireTarget),
  'orders of operators': open(opsTarget),
  'playbook files': open(playbookTarget),
  'answers of Cloudflare': open(cloudflareTarget),
  'answers of Elastic': open(elasticTarget),
  'lies about the rules': open(settleTarget),
}

function open<Input>(make: () => Made<Input> | Promise<Made<Input>>): () => Promise<Open> {
  return async () => (await make()) as unknown as Open
}

interface Made<Input> {
  readonly target: Target<Input>
  close(): Promise<void>
}

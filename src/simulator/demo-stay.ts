import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { addAttacker } from './demo-cast.ts'
import type { Page } from './demo-page.ts'
import type { Stage } from './demo-scenes.ts'
import type { DemoService } from './demo-service.ts'

/** Keeps everything up until it is interrupted, with a fresh alert to send whenever the last one is done with. */
export async function playOn({ world, service, page, seen, signal }: Stage): Promise<void> {
  const file = join(service.folder, 'alert.json')
  const next = async (number: number): Promise<string> => {
    const id = addAttacker(world, number)
    await writeFile(file, world.webhook([id]))
    return id
  }
  let number = 1
  let open = await next(number)
  showInvitation(page, service, file)
  while (!signal.aborted) {
    await sleep(100, undefined, { signal }).catch(() => undefined)
    if (!seen.concluded.has(open)) continue
    number += 1
    open = await next(number)
  }
  page.line()
  page.tell('Portcullis', 'stops')
}

function showInvitation(page: Page, service: DemoService, file: string): void {
  page.heading('It stays up until Ctrl-C')
  page.line('The queue’s dashboard, with any user name and the password below:')
  page.line(`  ${service.opsUrl}/queues`)
  page.line(`  ${service.opsToken}`)
  page.line('The bans:')
  page.line(`  curl -H 'Authorization: Bearer ${service.opsToken}' \\`)
  page.line(`    ${service.opsUrl}/api/bans`)
  page.line('One more alert, from a new attacker each time:')
  page.line(`  curl -H 'Authorization: Bearer ${service.webhookSecret}' \\`)
  page.line(`    -H 'Content-Type: application/json' \\`)
  page.line(`    --data-binary @${file} \\`)
  page.line(`    ${service.webhookUrl}`)
  page.line()
}

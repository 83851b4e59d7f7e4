#!/usr/bin/env node
import process from 'node:process'
import { main } from './main.ts'
import { createProcessIo } from './process-io.ts'

const io = createProcessIo()
process.exitCode = await main(process.argv.slice(2), io)
io.close()

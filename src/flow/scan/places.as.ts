/** Where keys stand, and what they can stand for. */

// Where a key stands, in the low bits of what is looked up with it.
export const IN_TOP: u32 = 0
export const IN_FLOW: u32 = 1
export const IN_IP: u32 = 2
export const IN_L4: u32 = 3
export const IN_PORTS: u32 = 4
export const IN_L7: u32 = 5
export const IN_DNS: u32 = 6
export const IN_EXTENSIONS: u32 = 7

export const K_NONE: u32 = 0
/** Not a key that can be passed over, or none at all. */
export const K_BAD: u32 = 0xffff
/** Known, and not read. */
export const K_SKIP: u32 = 1
export const K_FLOW: u32 = 2
export const K_NODE_NAME: u32 = 3
export const K_TIME: u32 = 4
export const K_CLUSTER_NAME: u32 = 5
export const K_UUID: u32 = 6
export const K_IP: u32 = 7
export const K_L4: u32 = 8
export const K_SOURCE: u32 = 9
export const K_DESTINATION: u32 = 10
export const K_SOURCE_NAMES: u32 = 11
export const K_DESTINATION_NAMES: u32 = 12
export const K_L7: u32 = 13
export const K_EXTENSIONS: u32 = 14
export const K_AGGREGATE: u32 = 15
/** What makes a record something else when it stands where a flow without an envelope would. */
export const K_OTHER_EVENT: u32 = 16
export const K_PORTS: u32 = 17
export const K_WHOLE: u32 = 18
export const K_SOURCE_PORT: u32 = 19
export const K_DESTINATION_PORT: u32 = 20
/** Known, not read, and mostly the same. */
export const K_FIXED: u32 = 21
export const K_DNS: u32 = 22
export const K_QUERY: u32 = 23
export const K_IPS: u32 = 24
export const K_CNAMES: u32 = 25
export const K_RCODE: u32 = 26
/** What an envelope lacks, and a flow without one has. */
export const K_BARE: u32 = 27
/** Members of which the bytes are part of the shape: from here on. */
export const K_SHAPE: u32 = 32

// Parts of a shape that are no member by themselves.
export const S_L4: u32 = 64
export const S_L7: u32 = 96
export const S_EXTENSIONS: u32 = 97
export const S_PORTS: u32 = 98

// What stands in a slot: between the literals of a way, it is another from line to line.
export const W_END: u32 = 0
export const W_TIME: u32 = 1
export const W_TOP_TIME: u32 = 2
export const W_UUID: u32 = 3
export const W_SOURCE_ADDRESS: u32 = 4
export const W_DESTINATION_ADDRESS: u32 = 5
export const W_SOURCE_PORT: u32 = 6
export const W_DESTINATION_PORT: u32 = 7
export const W_SOURCE: u32 = 8
export const W_DESTINATION: u32 = 9
export const W_NODE: u32 = 10
export const W_TOP_NODE: u32 = 11
export const W_TOP_CLUSTER: u32 = 12
export const W_SOURCE_NAMES: u32 = 13
export const W_DESTINATION_NAMES: u32 = 14
export const W_QUERY: u32 = 15
export const W_IPS: u32 = 16
export const W_CNAMES: u32 = 17
export const W_RCODE: u32 = 18
/** A text that is not read, without its quotes. */
export const W_TEXT: u32 = 19
export const W_NUMBER: u32 = 20
/** A value that is not read: the texts and numbers in it are slots of their own. */
export const W_SKIPPED: u32 = 21

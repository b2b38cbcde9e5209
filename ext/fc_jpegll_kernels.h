/* The inner loops, for one type of sample: included by fc_jpegll_lanes.c with FC_SAMPLE, FC_KERNEL, FC_ENTRY,
   FC_MANY (table), FC_MANY_BITS, FC_STORE set.

   A round of `many` takes four look-ups in each lane, up to three differences each; a round of `one` three differences.
   No round takes more than FC_ROUND_BITS, whatever the table and the bits are. The caller has seen to it that
   the bits and the room of all rounds are there, plus four samples of room, since whole entries are stored. */

/* A difference that the tables do not decide: rare, so the branch is foretold. */
#define FC_MISS(n)                                                              \
    do {                                                                        \
        found = fc_lane_miss(entropy, lanes[n], position##n);                   \
        position##n += found & 63;                                              \
        window##n = fc_window(bytes, position##n);                              \
    } while (0)

#define FC_MANY_STEP(n)                                                         \
    do {                                                                        \
        FC_ENTRY entry = table[window##n >> (64 - FC_MANY_BITS)];               \
        if (FC_UNLIKELY(!(entry & 0xC0))) {                                     \
            FC_MISS(n);                                                         \
            *out##n++ = (FC_SAMPLE)(found >> 8);                                \
        } else {                                                                \
            FC_STORE(out##n, entry);                                            \
            out##n += entry >> 6 & 3;                                           \
            window##n <<= entry & 63;                                           \
            position##n += entry & 63;                                          \
        }                                                                       \
    } while (0)

#define FC_ONE_STEP(n, place)                                                   \
    do {                                                                        \
        uint32_t entry = table[window##n >> (64 - FC_ONE_BITS)];                \
        unsigned taken = entry & 63;                                            \
        if (FC_UNLIKELY(!taken)) {                                              \
            FC_MISS(n);                                                         \
            out##n[place] = (FC_SAMPLE)(found >> 8);                            \
        } else {                                                                \
            out##n[place] = (FC_SAMPLE)((window##n >> (64 - taken)) + (entry >> 16)); \
            window##n <<= taken;                                                \
            position##n += taken;                                               \
        }                                                                       \
    } while (0)

#define FC_LANE_BEGIN(n)                                                        \
    uint64_t position##n = lanes[n]->position, window##n;                       \
    FC_SAMPLE *out##n = (FC_SAMPLE *)(void *)lanes[n]->out

#define FC_LANE_END(n)                                                          \
    lanes[n]->position = position##n;                                           \
    lanes[n]->room -= (size_t)(out##n - (FC_SAMPLE *)(void *)lanes[n]->out);    \
    lanes[n]->out = (uint8_t *)out##n

#define FC_WINDOW(n) window##n = fc_window(bytes, position##n)
#define FC_EACH_LANE(step) step(0); step(1); step(2); step(3)
#define FC_ONE_STEPS(place)                                                     \
    FC_ONE_STEP(0, place); FC_ONE_STEP(1, place); FC_ONE_STEP(2, place); FC_ONE_STEP(3, place)

static void FC_KERNEL(many_in_four)(const fc_entropy *entropy, fc_lane *const *lanes, size_t rounds)
{
    const uint8_t *bytes = entropy->bytes;
    const FC_ENTRY *table = entropy->table->FC_MANY;
    uint32_t found;
    FC_LANE_BEGIN(0); FC_LANE_BEGIN(1); FC_LANE_BEGIN(2); FC_LANE_BEGIN(3);
    while (rounds--) {
        FC_EACH_LANE(FC_WINDOW);
        FC_EACH_LANE(FC_MANY_STEP);
        FC_EACH_LANE(FC_MANY_STEP);
        FC_EACH_LANE(FC_MANY_STEP);
        FC_EACH_LANE(FC_MANY_STEP);
    }
    FC_EACH_LANE(FC_LANE_END);
}

static void FC_KERNEL(many_in_one)(const fc_entropy *entropy, fc_lane *const *lanes, size_t rounds)
{
    const uint8_t *bytes = entropy->bytes;
    const FC_ENTRY *table = entropy->table->FC_MANY;
    uint32_t found;
    FC_LANE_BEGIN(0);
    while (rounds--) {
        FC_WINDOW(0);
        FC_MANY_STEP(0);
        FC_MANY_STEP(0);
        FC_MANY_STEP(0);
        FC_MANY_STEP(0);
    }
    FC_LANE_END(0);
}

static void FC_KERNEL(one_in_four)(const fc_entropy *entropy, fc_lane *const *lanes, size_t rounds)
{
    const uint8_t *bytes = entropy->bytes;
    const uint32_t *table = entropy->table->one;
    uint32_t found;
    FC_LANE_BEGIN(0); FC_LANE_BEGIN(1); FC_LANE_BEGIN(2); FC_LANE_BEGIN(3);
    while (rounds--) {
        FC_EACH_LANE(FC_WINDOW);
        FC_ONE_STEPS(0);
        FC_ONE_STEPS(1);
        FC_ONE_STEPS(2);
        out0 += 3; out1 += 3; out2 += 3; out3 += 3;
    }
    FC_EACH_LANE(FC_LANE_END);
}

static void FC_KERNEL(one_in_one)(const fc_entropy *entropy, fc_lane *const *lanes, size_t rounds)
{
    const uint8_t *bytes = entropy->bytes;
    const uint32_t *table = entropy->table->one;
    uint32_t found;
    FC_LANE_BEGIN(0);
    while (rounds--) {
        FC_WINDOW(0);
        FC_ONE_STEP(0, 0);
        FC_ONE_STEP(0, 1);
        FC_ONE_STEP(0, 2);
        out0 += 3;
    }
    FC_LANE_END(0);
}

#undef FC_MISS
#undef FC_MANY_STEP
#undef FC_ONE_STEP
#undef FC_ONE_STEPS
#undef FC_LANE_BEGIN
#undef FC_LANE_END
#undef FC_WINDOW
#undef FC_EACH_LANE
#undef FC_SAMPLE
#undef FC_KERNEL
#undef FC_ENTRY
#undef FC_MANY
#undef FC_MANY_BITS
#undef FC_STORE

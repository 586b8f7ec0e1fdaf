/* The bare walk of mcpump in plain C, one walker after another: what a speed is measured against.

   Philox4x32-10 with counter (draw, walker) and key (seed), flights -log(u), directions isotropic in three
   dimensions. Two walks, in which flights are counted as in mcpump, the first, the last and those broken off included:

   slab    births even over a slab of LENGTH with a specular face at 0 and an absorbing one at its end, death at an age
           drawn from exp(-GAMMA_SF t); nothing is scored
   azurv1  the plane pulse of run/azurv1.toml: births in the middle, ages up to 20, every collision is scored in one
           of 201 x 20 cells of space and time

   cc -O3 -march=native -ffast-math -o bare_walk bare_walk.c -lm && ./bare_walk slab|azurv1 WALKERS SEED */

#define _POSIX_C_SOURCE 199309L
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double LENGTH = 40.0, GAMMA_SF = 1.0 / 300.0, SAMPLE = 40.2, END = 20.0;
enum { STREAM_WALK = 0, STREAM_BIRTH = 0x80000000u, STREAM_DEATH = 0xC0000000u, CELLS = 201, BINS = 20 };

typedef struct { uint32_t word[4]; } Words;

static double tally[CELLS][BINS];

static inline Words draw(uint64_t walker, uint64_t number, uint32_t stream, uint64_t seed)
{
    uint32_t c0 = (uint32_t)number, c1 = (uint32_t)(number >> 32) ^ stream;
    uint32_t c2 = (uint32_t)walker, c3 = (uint32_t)(walker >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (Words){{c0, c1, c2, c3}};
}

static inline double uniform(uint32_t word)
{
    return (word + 0.5) * 0x1p-32;
}

static inline double uniform53(uint32_t high, uint32_t low)
{
    return ((double)(((uint64_t)high << 32 | low) >> 12) + 0.5) * 0x1p-52;
}

static uint64_t walk_slab(uint64_t walker, uint64_t seed)
{
    Words birth = draw(walker, 0, STREAM_BIRTH, seed), death = draw(walker, 0, STREAM_DEATH, seed);
    double x = LENGTH * uniform53(birth.word[0], birth.word[1]), age = 0.0;
    double end_of_life = -log(uniform53(death.word[0], death.word[1])) / GAMMA_SF;
    uint64_t flights = 0;
    for (;;) {
        Words words = draw(walker, flights++, STREAM_WALK, seed);
        double flight = -log(uniform53(words.word[0], words.word[1]));
        age += flight;
        x = fabs(x + (2.0 * uniform(words.word[2]) - 1.0) * flight);
        if (x >= LENGTH || age >= end_of_life)
            return flights;
    }
}

static uint64_t walk_azurv1(uint64_t walker, uint64_t seed)
{
    double x = 0.5 * SAMPLE, age = 0.0;
    uint64_t flights = 0;
    for (;;) {
        Words words = draw(walker, flights++, STREAM_WALK, seed);
        double flight = -log(uniform53(words.word[0], words.word[1]));
        age += flight;
        x += (2.0 * uniform(words.word[2]) - 1.0) * flight;
        if (age >= END || x <= 0.0 || x >= SAMPLE)
            return flights;
        tally[(int)(x * (CELLS / SAMPLE))][(int)(age * (BINS / END))] += 1.0;
    }
}

int main(int count, char **arguments)
{
    if (count != 4) {
        fprintf(stderr, "usage: %s slab|azurv1 WALKERS SEED\n", arguments[0]);
        return 2;
    }
    int slab = strcmp(arguments[1], "slab") == 0;
    uint64_t walkers = strtoull(arguments[2], NULL, 10), seed = strtoull(arguments[3], NULL, 10), flights = 0;
    double squares = 0.0, scores = 0.0;
    struct timespec begin, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (uint64_t walker = 0; walker < walkers; walker++) {
        uint64_t n = slab ? walk_slab(walker, seed) : walk_azurv1(walker, seed);
        flights += n;
        squares += (double)n * (double)n;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    for (int cell = 0; cell < CELLS; cell++)
        for (int bin = 0; bin < BINS; bin++)
            scores += tally[cell][bin];
    double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    double mean = (double)flights / (double)walkers;
    printf("flights %" PRIu64 " seconds %.6f ns_per_flight %.3f\n", flights, seconds, 1e9 * seconds / (double)flights);
    printf("flights_per_walker %.6f standard_error %.6f scores %.0f\n", mean,
           sqrt((squares / (double)walkers - mean * mean) / (double)walkers), scores);
    return 0;
}

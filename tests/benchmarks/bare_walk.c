/* The bare walk of mcpump in plain C, one walker after another: what a speed is measured against.

   Philox4x32-10 with counter (draw, walker) and key (seed), flights -log(u), directions isotropic in three
   dimensions, a slab with a specular face at 0 and an absorbing one at LENGTH, death at an age drawn from
   exp(-GAMMA_SF t), walkers born evenly over the slab. It counts flights (the first, the last and those
   broken off included, as mcpump does) and scores nothing else.

   cc -O3 -march=native -ffast-math -o bare_walk bare_walk.c -lm && ./bare_walk WALKERS SEED */

#define _POSIX_C_SOURCE 199309L
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const double LENGTH = 40.0, GAMMA_SF = 1.0 / 300.0;
enum { STREAM_WALK = 0, STREAM_BIRTH = 0x80000000u, STREAM_DEATH = 0xC0000000u };

typedef struct { uint32_t word[4]; } Words;

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

static uint64_t walk(uint64_t walker, uint64_t seed)
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

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: %s WALKERS SEED\n", arguments[0]);
        return 2;
    }
    uint64_t walkers = strtoull(arguments[1], NULL, 10), seed = strtoull(arguments[2], NULL, 10), flights = 0;
    double squares = 0.0;
    struct timespec begin, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (uint64_t walker = 0; walker < walkers; walker++) {
        uint64_t n = walk(walker, seed);
        flights += n;
        squares += (double)n * (double)n;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    double mean = (double)flights / (double)walkers;
    printf("flights %" PRIu64 " seconds %.6f ns_per_flight %.3f\n", flights, seconds, 1e9 * seconds / (double)flights);
    printf("flights_per_walker %.6f standard_error %.6f\n", mean,
           sqrt((squares / (double)walkers - mean * mean) / (double)walkers));
    return 0;
}

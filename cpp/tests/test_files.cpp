#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>

#include "microjoule/files.h"
#include "temp_tree.h"

using namespace microjoule;

TEST_CASE("only a whole decimal number is a number") {
    CHECK(parse_u64("0") == 0U);
    CHECK(parse_u64("262143328850\n") == 262143328850U);
    CHECK(parse_u64("  7 \n") == 7U);
    for (const char* bad :
         {"", "\n", "-1\n", "12x", "1 2", "0x10", "1.5", "99999999999999999999"}) {
        CHECK_MESSAGE(!parse_u64(bad), bad);
    }
}

TEST_CASE("a file that is missing says so with its errno") {
    PreadFile file("/nonexistent/energy_uj");
    CHECK(file.open() == ENOENT);
    CHECK_FALSE(file.is_open());
    char buffer[4];
    CHECK(file.read(buffer, sizeof buffer) == -EBADF);
    CHECK_FALSE(read_line("/nonexistent"));
}

TEST_CASE("a directory is listed in order, without what is hidden") {
    const TempTree tree;
    for (const char* name : {"b", ".hidden", "a/inner", "c"}) {
        tree.put(name, "");
    }
    CHECK(entries_of(tree.root()) == std::vector<std::string>{"a", "b", "c"});
    CHECK(entries_of(tree.root() + "/none").empty());
    CHECK(entries_of(tree.root() + "/b").empty());
}

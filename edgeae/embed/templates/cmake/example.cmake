$head
# An app that finds the installed package: cmake -S example -B b -DCMAKE_PREFIX_PATH=PREFIX

cmake_minimum_required(VERSION 3.15)
project(${name}_example LANGUAGES C)

find_package($name $version CONFIG REQUIRED)

add_executable(self_test main.c)
target_link_libraries(self_test PRIVATE $name::${name}_self_test)

enable_testing()
add_test(NAME self_test COMMAND self_test)
set_tests_properties(self_test PROPERTIES PASS_REGULAR_EXPRESSION "PASS")

# What CTest is to know of the tests, whose names it has found in the programs.
#
# Labels (ctest -L):
#   unit         need no servers
#   integration  need those that the environment names: eval "$(scripts/servers env)"
#   quick        all of the former, and the core of the latter (scripts/test --quick)
#   slow         take far longer than others
#   restarts     restart the servers, and so run alone

set(quick "^(CommandLine.*|Control|CopyAggregates|CopyCompressed|CopyRows|CopyTogether|DualWrite|RefreshCaggs|StageAggregates|StageBounds|StageSelection|Verify|VerifyQuick)[.]")
set(slow "^(.*/)?(ColumnChanges|CopyShared|Crash|CrashOfCopy|CutElsewhere|DualWriteStress|Faults|FaultsOfShared|ImportFaults|KindsOfData|PlainFaults|RandomHypertables|Restart)[.]")

foreach(test IN LISTS unit)
    set_tests_properties(${test} PROPERTIES LABELS "unit;quick" TIMEOUT 120)
endforeach()

foreach(test IN LISTS integration)
    set(labels integration)
    # The longest begin first, so that none is left alone at the end.
    set(cost 1)
    if(test MATCHES "${quick}")
        list(APPEND labels quick)
    endif()
    if(test MATCHES "${slow}")
        list(APPEND labels slow)
        set(cost 10)
    endif()
    set_tests_properties(${test} PROPERTIES LABELS "${labels}" COST ${cost} TIMEOUT 900)
    if(test MATCHES "^Restart[.]")
        set_tests_properties(${test} PROPERTIES LABELS "${labels};restarts" RUN_SERIAL ON)
    endif()
endforeach()
